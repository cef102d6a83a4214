/** Tokens of a service account, bought with a token of somebody who may act as it (IAM Credentials API). */
import { StackError } from '@llama-stack/api'
import type { Token } from '../token-cache.ts'
import { askForJson, CLOUD_PLATFORM_SCOPE } from './token-endpoint.ts'
import type { TokenBuyer } from './token-endpoint.ts'

/** Who is acted as, and for how long. */
export interface Impersonation {
  /** Ends in `:generateAccessToken`. */
  readonly url: string
  readonly delegates?: readonly string[] | undefined
  /** Default: an hour, the most that Google gives without asking the organisation. */
  readonly lifetimeSeconds?: number | undefined
}

const LIFETIME_SECONDS = 3600

/** Buys a token. */
export async function buyImpersonatedToken(
  buyer: TokenBuyer,
  { url, delegates, lifetimeSeconds = LIFETIME_SECONDS }: Impersonation,
  source: string,
): Promise<Token<string>> {
  const reply = await askForJson(buyer, {
    method: 'POST',
    url,
    headers: { authorization: `Bearer ${source}` },
    json: {
      scope: [CLOUD_PLATFORM_SCOPE],
      lifetime: `${lifetimeSeconds}s`,
      ...(delegates !== undefined && { delegates }),
    },
  })
  const { accessToken, expireTime } = reply
  const expiresAtMs = Date.parse(String(expireTime))
  if (typeof accessToken !== 'string' || Number.isNaN(expiresAtMs)) {
    throw new StackError('provider_bad_reply', { provider: buyer.provider, reason: 'a token reply has no token' })
  }
  return { value: accessToken, expiresAtMs }
}
