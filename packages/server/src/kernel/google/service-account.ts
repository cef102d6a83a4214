/** Tokens for the key of a service account: a signed assertion is exchanged for one (RFC 7523). */
import { sign } from 'node:crypto'
import type { Token } from '../token-cache.ts'
import type { ServiceAccount } from './credentials-file.ts'
import { askForJson, CLOUD_PLATFORM_SCOPE, toToken, unusableCredentials } from './token-endpoint.ts'
import type { TokenBuyer } from './token-endpoint.ts'

const ASSERTION_LIFE_SECONDS = 3600

/** Buys a token. */
export async function buyServiceAccountToken(buyer: TokenBuyer, account: ServiceAccount): Promise<Token<string>> {
  const assertion = toAssertion(buyer, account)
  const form = { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion }
  return toToken(buyer, await askForJson(buyer, { method: 'POST', url: account.token_uri, form }))
}

function toAssertion({ provider, clock }: TokenBuyer, account: ServiceAccount): string {
  const { client_email: email, private_key: privateKey, private_key_id: keyId, token_uri: audience } = account
  const issuedAt = Math.floor(clock.now() / 1000)
  const header = { alg: 'RS256', typ: 'JWT', ...(keyId !== undefined && { kid: keyId }) }
  const claims = {
    iss: email,
    scope: CLOUD_PLATFORM_SCOPE,
    aud: audience,
    iat: issuedAt,
    exp: issuedAt + ASSERTION_LIFE_SECONDS,
  }
  const signed = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  try {
    return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), privateKey).toString('base64url')}`
  } catch (cause) {
    throw unusableCredentials(provider, `the private key of ${email} cannot be used`, cause)
  }
}
