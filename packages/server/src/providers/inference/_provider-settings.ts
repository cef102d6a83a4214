/** The configuration of providers that speak OpenAI's protocol: the keys of both generations, strict. */
import * as z from 'zod'
import type { JsonObject, ProviderDefinition } from '@llama-stack/api'
import { lazy } from '../../kernel/lazy.ts'
import type { Dialect, ExtraSetting, KeySetting, UrlSetting } from './_dialect.ts'
import { findText } from './_json-shape.ts'
import { blockedHeaders, isBlockedHeader } from './_forwarded-headers.ts'
import { NetworkSettings } from './_network-settings.ts'

const url = z
  .string()
  .regex(/^(https?:\/\/[^\s]+)?$/i, 'must be a URL that begins with http:// or https://')
  .nullish()
/** A key of digits only has become a number by the time it arrives here. */
const secret = z.union([z.string(), z.number()]).nullish()
const text = z.union([z.string(), z.number()]).nullish()

/** The keys that every provider of a vendor has. */
export const everyProvider = {
  allowed_models: z.array(z.string()).nullish().describe('The models that may be listed and called. Default: all.'),
  refresh_models: z.boolean().nullish().describe('Whether the list is asked for again periodically. Default: false.'),
  network: NetworkSettings.nullish().describe('TLS, proxy, timeouts and headers of calls to this provider.'),
  skip_model_availability: z.boolean().nullish().describe('Whether to leave the list of models alone. Default: false.'),
}

/** Built where a vendor has some of them. */
const extraSettings = lazy(
  // oxlint-disable-next-line max-lines-per-function -- one table, nothing to split
  () =>
    ({
      access_token: secret.describe('An OAuth2 access token in place of the key. Needs project.'),
      project: text.describe('The project that an access token is billed to.'),
      api_version: text.describe('The version of the v1 path: v1, preview or latest. Dated versions are not sent.'),
      api_type: text.describe('Accepted for upstream’s files; has no effect.'),
      append_api_version: z.boolean().nullish().describe('Whether /v1 is added to url. Default: true.'),
      timeout: z
        .number()
        .positive()
        .nullish()
        .describe('Seconds until a reply has to come. network.timeout goes first.'),
      rerank_model_to_url: z
        .record(z.string(), z.url())
        .nullish()
        .describe('The URL of each rerank model. Default: those of the hosted models.'),
      guardrails_service_url: text.describe('A safety provider’s key that upstream’s files have here; has no effect.'),
      config_id: text.describe('A safety provider’s key that upstream’s files have here; has no effect.'),
      huggingface_repo: text.describe('The only model of this instance. Default: all that the router lists.'),
      endpoint_name: text.describe('The endpoint’s name, `namespace/name` or a name of the key’s own account.'),
      forward_headers: z
        .record(z.string(), z.string())
        .nullish()
        .describe('Which keys of the provider-data header are sent on, and under which header name. Default: none.'),
      extra_blocked_headers: z.array(z.string()).nullish().describe('Header names that forward_headers may not use.'),
      max_tokens: z
        .int()
        .positive()
        .nullish()
        .describe('Sent as max_tokens where a chat request has none. Default: 4096.'),
      tls_verify: z
        .union([z.boolean(), z.string()])
        .nullish()
        .describe('Older name of network.tls.verify: true, false, or the path of a CA certificate file.'),
      native_responses: z.boolean().nullish().describe('Accepted for upstream’s files; has no effect.'),
      fairness_header_attribute: text.describe('Accepted for upstream’s files; has no effect.'),
      tenant_id: text.describe('The Entra tenant of the identity. Default: AZURE_TENANT_ID.'),
      client_id: text.describe('The application, or the user-assigned identity. Default: AZURE_CLIENT_ID.'),
      client_secret: secret.describe(
        'The secret of the application, in place of the key. Default: AZURE_CLIENT_SECRET.',
      ),
      federated_token_file: text.describe('The file with the workload’s token. Default: AZURE_FEDERATED_TOKEN_FILE.'),
      managed_identity: z
        .boolean()
        .nullish()
        .describe('Whether tokens come from the machine this runs on. Default: where IDENTITY_ENDPOINT is set.'),
      authority_host: url.describe(
        'Where Entra is. Default: AZURE_AUTHORITY_HOST, or https://login.microsoftonline.com.',
      ),
      token_scope: text.describe('What tokens are for. Default: https://cognitiveservices.azure.com/.default.'),
      project_id: text.describe('The project that pays. Usually ${env.WATSONX_PROJECT_ID:=}.'),
      iam_url: url.describe('Where keys buy tokens. Default: https://iam.cloud.ibm.com.'),
      oci_auth_type: z
        .enum(['instance_principal', 'config_file', ''])
        .nullish()
        .describe(
          'Who signs: the machine this runs on, or the user of a configuration file. Default: instance_principal.',
        ),
      oci_region: z
        .string()
        .regex(/^([a-z0-9]+(-[a-z0-9]+)+)?$/, 'must be the name of a region, like us-ashburn-1')
        .nullish()
        .describe('The region whose models are served. Default: us-ashburn-1.'),
      oci_compartment_id: text.describe('The compartment that pays. Usually ${env.OCI_COMPARTMENT_OCID:=}.'),
      oci_config_file_path: text.describe('Default: ~/.oci/config.'),
      oci_config_profile: text.describe('Default: DEFAULT.'),
      keep_alive: z
        .union([z.string(), z.number()])
        .nullish()
        .describe(
          'How long a model stays loaded after a request: 10m, seconds, -1 for ever, 0 not at all. Default: Ollama’s.',
        ),
      num_ctx: z
        .int()
        .positive()
        .nullish()
        .describe('The context in tokens that models are loaded with. Default: Ollama’s.'),
      options: z
        .record(z.string(), z.json())
        .nullish()
        .describe('Ollama’s own parameters, sent with every request: {top_k: 20, num_gpu: 1}. Default: none.'),
    }) satisfies Record<ExtraSetting, z.ZodType>,
)

type UrlAndKey = { readonly [K in UrlSetting]?: string | null | undefined } & {
  readonly [K in KeySetting]?: string | number | null | undefined
}

/** What a configuration may say; which of it a vendor accepts is told by its dialect. */
export type ProviderSettings = UrlAndKey &
  Partial<z.infer<z.ZodObject<typeof everyProvider>>> &
  Partial<z.infer<z.ZodObject<ReturnType<typeof extraSettings>>>>

/** Builds the strict schema of a dialect's configuration. */
export function toSettingsSchema(dialect: Dialect): z.ZodType<ProviderSettings> {
  const shape: Record<string, z.ZodType> = { ...everyProvider }
  const suffix = dialect.apiPath === '' ? '' : ` Without a path, ${dialect.apiPath} is added.`
  for (const key of dialect.urlSettings) {
    shape[key] = url.describe(`Where the API is. Default: ${dialect.baseUrl ?? 'none, it has to be given'}.${suffix}`)
  }
  const source = dialect.env === undefined ? '' : ` Usually \${env.${dialect.env}:=}.`
  for (const key of dialect.keySettings) shape[key] = secret.describe(`The key for this provider.${source}`)
  for (const key of dialect.extraSettings) shape[key] = extraSettings()[key]
  const schema = z.strictObject(shape).superRefine((settings, context) => {
    for (const fault of faults(settings)) context.addIssue({ code: 'custom', ...fault })
  })
  // The shape is put together from the dialect, so the compiler cannot see that each of its keys is one of the settings.
  return schema as unknown as z.ZodType<ProviderSettings>
}

interface Fault {
  readonly path: string[]
  readonly message: string
}

function faults(settings: ProviderSettings): Fault[] {
  const found: Fault[] = []
  const token = findText(settings.access_token)
  if (token !== undefined && findText(settings.api_key) !== undefined) {
    found.push({ path: ['access_token'], message: 'access_token excludes api_key; give one of the two' })
  }
  if (token !== undefined && findText(settings.project) === undefined) {
    found.push({ path: ['project'], message: 'access_token needs project; name the project that pays' })
  }
  const blocked = blockedHeaders(settings.extra_blocked_headers ?? [])
  for (const [key, header] of Object.entries(settings.forward_headers ?? {})) {
    const path = ['forward_headers', key]
    if (key.startsWith('__')) found.push({ path, message: `the key '${key}' is reserved; choose one without '__'` })
    if (isBlockedHeader(header, blocked)) {
      found.push({ path, message: `the header '${header}' may not be forwarded; choose another` })
    }
  }
  return found
}

/** The first key of a list that says something. */
function findSetting<Key extends UrlSetting | KeySetting>(
  settings: ProviderSettings,
  keys: readonly Key[],
): { readonly key: Key; readonly value: string } | undefined {
  for (const key of keys) {
    const value = findText(settings[key])
    if (value !== undefined) return { key, value }
  }
  return undefined
}

/** The operator's credential, whatever key holds it. */
export function findCredential(dialect: Dialect, settings: ProviderSettings): string | undefined {
  return findSetting(settings, dialect.keySettings)?.value ?? findText(settings.access_token)
}

/** Adds the API's path to a configured URL where upstream would, and takes a closing slash away. */
export function toBaseUrl(dialect: Dialect, settings: ProviderSettings): string | undefined {
  const found = findSetting(settings, dialect.urlSettings)
  if (found === undefined) return dialect.baseUrl
  const apiPath = settings.append_api_version === false ? '' : dialect.apiPath
  return withApiPath(found.value, { apiPath, isRoot: dialect.rootSettings.includes(found.key) })
}

/** Adds `apiPath` to a URL without a path, or to any URL that is a root. */
export function withApiPath(of: string, { apiPath, isRoot }: { apiPath: string; isRoot: boolean }): string {
  const trimmed = of.replace(/\/+$/, '')
  if (apiPath === '' || trimmed.endsWith(apiPath)) return trimmed
  return isRoot || /^https?:\/\/[^/]+$/i.test(trimmed) ? trimmed + apiPath : trimmed
}

/** The base URL without its API path: where a server keeps what is not part of OpenAI's protocol. */
export function toRoot({ apiPath }: Dialect, baseUrl: string): string {
  return apiPath !== '' && baseUrl.endsWith(apiPath) ? baseUrl.slice(0, -apiPath.length) : baseUrl
}

/** Why an instance cannot serve without a caller's own key, or undefined. */
export function whyOff(dialect: Dialect, settings: ProviderSettings, hasIdentity = false): string | undefined {
  const baseUrl = toBaseUrl(dialect, settings)
  if (baseUrl === undefined && !dialect.locatedByName) {
    const from = dialect.urlEnv === undefined ? '' : ` (${dialect.urlEnv})`
    return `no URL; set ${dialect.urlSettings[0] ?? 'base_url'}${from}`
  }
  if (dialect.locatedByName && baseUrl === undefined && findText(settings.endpoint_name) === undefined) {
    return 'no endpoint; set endpoint_name or base_url'
  }
  if (hasIdentity || findCredential(dialect, settings) !== undefined || isKeyless(dialect, baseUrl)) return undefined
  if (Object.keys(settings.forward_headers ?? {}).length > 0) return undefined
  return `no key; set ${dialect.keySettings[0] ?? 'api_key'}${dialect.env === undefined ? '' : ` (${dialect.env})`}`
}

/** Whether calls to this base URL may go out without a credential. */
export function isKeyless(dialect: Dialect, baseUrl: string | undefined): boolean {
  if (dialect.keyless === 'elsewhere') return baseUrl !== dialect.baseUrl
  return dialect.keyless === 'always'
}

/** The part of a definition that tells where credentials come from. */
export function toCredentialFacts(dialect: Dialect): NonNullable<ProviderDefinition['credential']> {
  return {
    providerData: dialect.providerData,
    ...(dialect.env === undefined ? {} : { env: dialect.env }),
    ...(dialect.keyless === 'never' ? {} : { optional: true }),
  }
}

/** The settings as the pure hooks of a dialect see them. */
export function toHookConfig(settings: ProviderSettings): JsonObject {
  const { max_tokens, keep_alive, num_ctx, options } = settings
  const said = Object.entries({ max_tokens, keep_alive, num_ctx, options })
  // Checked as JSON by the schema.
  return Object.fromEntries(said.filter(([, value]) => value !== undefined && value !== null)) as JsonObject
}
