/** Tokens of Microsoft Entra for each kind of identity. */
import { readFile } from 'node:fs/promises'
import { StackError } from '@llama-stack/api'
import type { Clock } from '@llama-stack/api'
import type { Token } from '../../kernel/token-cache.ts'
import type { EntraIdentity } from './_entra-access.ts'
import { buyAccessToken, toForm } from './_token-service.ts'
import type { TokenAsker, TokenQuestion } from './_token-service.ts'

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** Buys one token. */
export async function buyEntraToken(
  identity: EntraIdentity,
  { clock, ...asker }: TokenAsker & { readonly clock: Clock },
): Promise<Token<string>> {
  return buyAccessToken(asker, await toQuestion(identity, asker.provider), clock.now())
}

async function toQuestion(identity: EntraIdentity, provider: string): Promise<TokenQuestion> {
  switch (identity.kind) {
    case 'secret':
      return toGrant(identity, { client_secret: identity.secret })
    case 'federated':
      return toGrant(identity, {
        client_assertion_type: ASSERTION_TYPE,
        client_assertion: await readToken(identity.file, provider),
      })
    case 'hosted': {
      const url = toResourceUrl(identity.endpoint, '2019-08-01', identity)
      return { method: 'GET', url, headers: { 'x-identity-header': identity.header } }
    }
    case 'machine': {
      const url = toResourceUrl(`${identity.endpoint}/metadata/identity/oauth2/token`, '2018-02-01', identity)
      return { method: 'GET', url, headers: { metadata: 'true' } }
    }
  }
}

function toGrant(
  { authority, clientId, scope }: { authority: string; clientId: string; scope: string },
  proof: Readonly<Record<string, string>>,
): TokenQuestion {
  const fields = { grant_type: 'client_credentials', client_id: clientId, scope, ...proof }
  return { method: 'POST', url: `${authority}/oauth2/v2.0/token`, ...toForm(fields) }
}

/** Machines are asked by resource: the scope without its `/.default`. */
function toResourceUrl(
  endpoint: string,
  version: string,
  { scope, clientId }: { readonly scope: string; readonly clientId?: string },
): string {
  const url = new URL(endpoint)
  url.searchParams.set('api-version', version)
  url.searchParams.set('resource', scope.replace(/\/\.default$/, ''))
  if (clientId !== undefined) url.searchParams.set('client_id', clientId)
  return url.href
}

/** Read at each purchase: the cluster replaces the file's content long before its token is over. */
async function readToken(file: string, provider: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
    const reason = `the file of federated_token_file (AZURE_FEDERATED_TOKEN_FILE) cannot be read (${code})`
    throw new StackError('provider_authentication', { provider, reason }, { cause })
  }
}
