/** Workload identity federation: a token of another identity provider is exchanged for one of Google's (RFC 8693). */
import { readFile } from 'node:fs/promises'
import { asRecord } from '../json-record.ts'
import type { Token } from '../token-cache.ts'
import type { ExternalAccount } from './credentials-file.ts'
import { buyImpersonatedToken } from './impersonation.ts'
import {
  askForJson,
  askTokenEndpoint,
  CLOUD_PLATFORM_SCOPE,
  findJson,
  toToken,
  unusableCredentials,
} from './token-endpoint.ts'
import type { TokenBuyer } from './token-endpoint.ts'

/** Buys a token; of the service account where the file names one to act as. */
export async function buyFederatedToken(buyer: TokenBuyer, account: ExternalAccount): Promise<Token<string>> {
  const federated = await exchange(buyer, account, await readSubjectToken(buyer, account))
  const { service_account_impersonation_url: url, service_account_impersonation: settings } = account
  if (url === undefined) return federated
  const lifetimeSeconds = settings?.token_lifetime_seconds
  return buyImpersonatedToken(buyer, { url, lifetimeSeconds }, federated.value)
}

async function exchange(buyer: TokenBuyer, account: ExternalAccount, subjectToken: string): Promise<Token<string>> {
  const { client_id: id, client_secret: secret, workforce_pool_user_project: userProject } = account
  const basic = id === undefined ? undefined : Buffer.from(`${id}:${secret ?? ''}`).toString('base64')
  const reply = await askForJson(buyer, {
    method: 'POST',
    url: account.token_url,
    ...(basic !== undefined && { headers: { authorization: `Basic ${basic}` } }),
    form: {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      audience: account.audience,
      scope: CLOUD_PLATFORM_SCOPE,
      requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      subject_token: subjectToken,
      subject_token_type: account.subject_token_type,
      // Who pays for a person of a workforce pool; a client of its own has its project already.
      ...(userProject !== undefined && id === undefined && { options: JSON.stringify({ userProject }) }),
    },
  })
  return toToken(buyer, reply)
}

/** Read anew for each purchase: the other provider replaces its tokens too. */
async function readSubjectToken(buyer: TokenBuyer, { credential_source: source }: ExternalAccount): Promise<string> {
  const { provider } = buyer
  const text = await readSource(buyer, source)
  const field = source.format?.type === 'json' ? (source.format.subject_token_field_name ?? 'access_token') : undefined
  const token = field === undefined ? text.trim() : asRecord(findJson(text))[field]
  if (typeof token === 'string' && token !== '') return token
  throw unusableCredentials(
    provider,
    `the token of the workload is not there${field === undefined ? '' : ` ('${field}')`}`,
  )
}

async function readSource(buyer: TokenBuyer, source: ExternalAccount['credential_source']): Promise<string> {
  const { file, url, headers } = source
  if (file !== undefined) {
    return readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
      throw unusableCredentials(buyer.provider, `the token file '${file}' cannot be read (${cause.code ?? ''})`, cause)
    })
  }
  if (url !== undefined && source.environment_id === undefined) {
    return askTokenEndpoint(buyer, { method: 'GET', url, ...(headers !== undefined && { headers }) })
  }
  throw unusableCredentials(
    buyer.provider,
    'tokens of a workload are read from a file or a URL here, and the credentials name neither',
  )
}
