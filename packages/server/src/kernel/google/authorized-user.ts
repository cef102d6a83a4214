/** Tokens for a person's refresh token. */
import type { Token } from '../token-cache.ts'
import type { AuthorizedUser } from './credentials-file.ts'
import { askForJson, toToken } from './token-endpoint.ts'
import type { TokenBuyer } from './token-endpoint.ts'

/** Buys a token. */
export async function buyUserToken(buyer: TokenBuyer, user: AuthorizedUser): Promise<Token<string>> {
  const form = {
    grant_type: 'refresh_token',
    client_id: user.client_id,
    client_secret: user.client_secret,
    refresh_token: user.refresh_token,
  }
  return toToken(buyer, await askForJson(buyer, { method: 'POST', url: user.token_uri, form }))
}
