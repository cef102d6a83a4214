/** The configuration of Vertex AI: the keys of both generations, strict. */
import * as z from 'zod'
import type { ProviderEnvironment } from '@llama-stack/api'
import { findCredentialsSource, findNamedProject } from '../../kernel/google/application-default.ts'
import type { CredentialsSource } from '../../kernel/google/application-default.ts'
import { findText } from './_json-shape.ts'
import { everyProvider } from './_provider-settings.ts'

/** Models that are served in one region only are few: the newest are in `global` first. */
const DEFAULT_LOCATION = 'global'

const text = z.union([z.string(), z.number()]).nullish()

/** Settings of one instance. */
export const VertexSettings = z.strictObject({
  project: text.describe(
    'The project that serves and pays. Default: that of the credentials. Usually ${env.VERTEX_AI_PROJECT:=}.',
  ),
  location: text.describe(`The region, or global. Default: ${DEFAULT_LOCATION}; Llama Stack’s files say us-central1.`),
  access_token: z
    .string()
    .nullish()
    .describe('An OAuth2 access token in place of Application Default Credentials. It is used as it is, to its end.'),
  credentials_file: z
    .string()
    .nullish()
    .describe('A credentials file of Google’s tools. Default: GOOGLE_APPLICATION_CREDENTIALS, then the one of gcloud.'),
  base_url: z
    .string()
    .regex(/^(https?:\/\/[^\s]+)?$/i, 'must be a URL that begins with http:// or https://')
    .nullish()
    .describe('Where the API is, without a version. Default: the host of the location.'),
  ...everyProvider,
})
export type VertexSettings = z.infer<typeof VertexSettings>

/** The location of calls that name none. */
export function toLocation(settings: VertexSettings): string {
  return findText(settings.location) ?? DEFAULT_LOCATION
}

/** Where the operator's credentials come from, beside an access token. */
export function findVertexSource(
  settings: VertexSettings,
  env: ProviderEnvironment | undefined,
): CredentialsSource | undefined {
  const file = findText(settings.credentials_file)
  // Without an environment there is no convention to follow, only what the configuration says.
  return env === undefined && file === undefined ? undefined : findCredentialsSource(env ?? {}, file)
}

/** Why an instance cannot serve without a caller's own token, or undefined. Looks at a few paths, sends nothing. */
export function whyVertexIsOff(settings: VertexSettings, env?: ProviderEnvironment): string | undefined {
  const hasToken = findText(settings.access_token) !== undefined
  const source = findVertexSource(settings, env)
  if (!hasToken && source === undefined) {
    return 'no credentials; run gcloud auth application-default login, set GOOGLE_APPLICATION_CREDENTIALS, or set access_token'
  }
  const project = findText(settings.project) ?? findNamedProject(env ?? {})
  return project === undefined && source === undefined ? 'no project; set project (VERTEX_AI_PROJECT)' : undefined
}
