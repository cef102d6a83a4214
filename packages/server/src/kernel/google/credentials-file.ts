/** The credential files of Google's tools: what `GOOGLE_APPLICATION_CREDENTIALS` points to. */
import { readFile } from 'node:fs/promises'
import * as z from 'zod'
import { parseOnce } from '../parse-once.ts'
import { findJson, unusableCredentials } from './token-endpoint.ts'

const url = z.url({ protocol: /^https?$/ })
const quotaProject = z.string().optional()

const ServiceAccount = z.looseObject({
  type: z.literal('service_account'),
  client_email: z.string().min(1),
  private_key: z.string().min(1),
  private_key_id: z.string().optional(),
  project_id: z.string().optional(),
  token_uri: url.default('https://oauth2.googleapis.com/token'),
  quota_project_id: quotaProject,
})
/** A key of a service account. */
export type ServiceAccount = z.infer<typeof ServiceAccount>

const AuthorizedUser = z.looseObject({
  type: z.literal('authorized_user'),
  client_id: z.string().min(1),
  client_secret: z.string().min(1),
  refresh_token: z.string().min(1),
  token_uri: url.default('https://oauth2.googleapis.com/token'),
  quota_project_id: quotaProject,
})
/** What `gcloud auth application-default login` leaves behind. */
export type AuthorizedUser = z.infer<typeof AuthorizedUser>

const SubjectTokenFormat = z.looseObject({
  type: z.enum(['text', 'json']).default('text'),
  subject_token_field_name: z.string().optional(),
})

const ExternalAccount = z.looseObject({
  type: z.literal('external_account'),
  audience: z.string().min(1),
  subject_token_type: z.string().min(1),
  token_url: url,
  credential_source: z.looseObject({
    file: z.string().optional(),
    url: url.optional(),
    headers: z.record(z.string(), z.string()).optional(),
    format: SubjectTokenFormat.optional(),
    environment_id: z.string().optional(),
  }),
  service_account_impersonation_url: url.optional(),
  service_account_impersonation: z.looseObject({ token_lifetime_seconds: z.number().positive().optional() }).optional(),
  workforce_pool_user_project: z.string().optional(),
  client_id: z.string().optional(),
  client_secret: z.string().optional(),
  quota_project_id: quotaProject,
})
/** Workload identity federation: a token of another identity provider buys one of Google's. */
export type ExternalAccount = z.infer<typeof ExternalAccount>

const Direct = z.discriminatedUnion('type', [ServiceAccount, AuthorizedUser, ExternalAccount])

/** A service account whose tokens are bought with the credentials of somebody who may act as it. */
const Impersonated = z.looseObject({
  type: z.literal('impersonated_service_account'),
  service_account_impersonation_url: url,
  delegates: z.array(z.string()).optional(),
  source_credentials: Direct,
  quota_project_id: quotaProject,
})

const CredentialsFile = z.discriminatedUnion('type', [...Direct.options, Impersonated])
/** Any of the files. */
export type CredentialsFile = z.infer<typeof CredentialsFile>

/** Reads a file. Throws `provider_authentication`; neither its content nor parts of it are in the message. */
export async function readCredentialsFile(provider: string, path: string): Promise<CredentialsFile> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw unusableCredentials(provider, `the credentials file '${path}' cannot be read (${cause.code ?? ''})`, cause)
  })
  const parsed = CredentialsFile.safeParse(findJson(text), parseOnce)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const at = issue === undefined || issue.path.length === 0 ? '' : `: ${issue.path.join('.')}`
  throw unusableCredentials(provider, `the file '${path}' holds no Google credentials of a known kind${at}`)
}
