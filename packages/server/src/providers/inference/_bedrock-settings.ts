/** The configuration of Bedrock: the keys of both generations, and what they and the server's variables amount to. */
import * as z from 'zod'
import type { NetworkOptions, ProviderEnvironment } from '@llama-stack/api'
import type { AwsSettings } from '../../kernel/aws/credential-source.ts'
import { findCredentialSource, findRegion } from '../../kernel/aws/credential-source.ts'
import { findText } from './_json-shape.ts'
import { everyProvider } from './_provider-settings.ts'

/** Where nobody hands over the server's variables, the machine is not asked for credentials either. */
export const NO_ENVIRONMENT: ProviderEnvironment = Object.freeze({ AWS_EC2_METADATA_DISABLED: 'true' })

/** The ways to speak to a chat model. */
const wires = ['openai', 'converse'] as const
export type BedrockWire = (typeof wires)[number]

/** The key of the provider-data header that carries a caller's own key. */
export const CALLER_KEY = 'aws_bearer_token_bedrock'
/** The variable of the server's key. */
export const KEY_VARIABLE = 'AWS_BEARER_TOKEN_BEDROCK'

/** Where OpenAI's protocol is spoken, below the runtime's address. */
export const OPENAI_PATH = '/openai/v1'

/** OGX's. */
const DEFAULT_REGION = 'us-east-2'

const secret = z.union([z.string(), z.number()]).nullish()
const text = z.string().nullish()
const url = z
  .string()
  .regex(/^(https?:\/\/[^\s]+)?$/i, 'must be a URL that begins with http:// or https://')
  .nullish()
const seconds = z.number().positive().nullish()

/** Builds the strict schema. */
export function toBedrockSchema() {
  return z.strictObject({
    ...everyProvider,
    api_key: secret.describe(`A key of Bedrock itself. Default: ${KEY_VARIABLE}. Without one, calls are signed.`),
    aws_bearer_token_bedrock: secret.describe('Another name of api_key.'),
    aws_bedrock_bearer_token: secret.describe('Another name of api_key.'),
    aws_access_key_id: secret.describe('The id of an access key. Default: AWS_ACCESS_KEY_ID.'),
    aws_secret_access_key: secret.describe('The secret of the access key. Default: AWS_SECRET_ACCESS_KEY.'),
    aws_session_token: secret.describe('The token of a temporary access key. Default: AWS_SESSION_TOKEN.'),
    profile_name: text.describe('A profile of the files of AWS. Default: AWS_PROFILE.'),
    aws_role_arn: text.describe('The role that calls are made in. Default: none; with a token file AWS_ROLE_ARN.'),
    aws_web_identity_token_file: text.describe(
      'The token that the role is taken on with. Default: AWS_WEB_IDENTITY_TOKEN_FILE.',
    ),
    aws_role_session_name: text.describe(
      'How the role’s calls are named in AWS’s logs. Default: AWS_ROLE_SESSION_NAME, or llama-stack.',
    ),
    session_ttl: z.int().positive().nullish().describe('Seconds that the keys of a role are valid. Default: 3600.'),
    region_name: text.describe(
      `The region of AWS. Default: AWS_REGION, AWS_DEFAULT_REGION, the profile’s, ${DEFAULT_REGION}.`,
    ),
    connect_timeout: seconds.describe('Seconds until a connection is there. network.timeout goes first.'),
    read_timeout: seconds.describe('Longest silence in seconds. network.timeout goes first.'),
    total_max_attempts: z.int().nullish().describe('Accepted for upstream’s files; the server’s own policy retries.'),
    retry_mode: text.describe('Accepted for upstream’s files; the server’s own policy retries.'),
    wire: z
      .enum(wires)
      .nullish()
      .describe('How chat models are spoken to. Default: openai for ids that begin with openai., else converse.'),
    base_url: url.describe('Where the runtime is, such as a VPC endpoint. Default: AWS’s own for the region.'),
    control_url: url.describe('Where models are listed. Default: AWS’s own for the region.'),
    agent_url: url.describe('Where documents are reranked. Default: AWS’s own for the region.'),
    sts_url: url.describe('Where roles are taken on. Default: AWS’s own for the region.'),
  })
}
export type BedrockSettings = z.infer<ReturnType<typeof toBedrockSchema>>

/** The services of AWS that are called: the setting, the variable and the host of each. */
const services = Object.freeze({
  runtime: { setting: 'base_url', variable: 'AWS_ENDPOINT_URL_BEDROCK_RUNTIME', host: 'bedrock-runtime' },
  control: { setting: 'control_url', variable: 'AWS_ENDPOINT_URL_BEDROCK', host: 'bedrock' },
  agent: { setting: 'agent_url', variable: 'AWS_ENDPOINT_URL_BEDROCK_AGENT_RUNTIME', host: 'bedrock-agent-runtime' },
  sts: { setting: 'sts_url', variable: 'AWS_ENDPOINT_URL_STS', host: 'sts' },
} as const)
export type BedrockService = keyof typeof services

/** Everything that is known before a call. */
export interface BedrockPlan {
  readonly region: string
  /** The operator's own key of Bedrock. */
  readonly key: string | undefined
  readonly aws: AwsSettings
  /** Without a closing slash. */
  readonly urls: Readonly<Record<BedrockService, string>>
  readonly network: BedrockSettings['network']
}

/** What the settings and the variables amount to. */
export function toBedrockPlan(settings: BedrockSettings, env: ProviderEnvironment): BedrockPlan {
  const aws = toAwsSettings(settings)
  const region = findRegion(findText(settings.region_name), aws.profile, env) ?? DEFAULT_REGION
  const urlOf = (service: BedrockService): string => toUrl(service, { settings, env, region })
  return {
    region,
    key: findKey(settings, env),
    aws,
    urls: { runtime: urlOf('runtime'), control: urlOf('control'), agent: urlOf('agent'), sts: urlOf('sts') },
    network: { ...settings.network, ...toTimeout(settings) },
  }
}

/** Why an instance cannot serve without a caller's own key, or undefined. */
export function whyBedrockIsOff(settings: BedrockSettings, env: ProviderEnvironment): string | undefined {
  if (findKey(settings, env) !== undefined) return undefined
  const source = findCredentialSource(toAwsSettings(settings), env)
  return source.kind === 'none' ? `${source.why}, or api_key (${KEY_VARIABLE})` : undefined
}

function findKey(settings: BedrockSettings, env: ProviderEnvironment): string | undefined {
  const { api_key: key, aws_bearer_token_bedrock: older, aws_bedrock_bearer_token: other } = settings
  return [key, older, other, env[KEY_VARIABLE]].map((said) => findText(said)?.trim()).find((said) => said)
}

function toAwsSettings(settings: BedrockSettings): AwsSettings {
  return {
    accessKeyId: findText(settings.aws_access_key_id),
    secretAccessKey: findText(settings.aws_secret_access_key),
    sessionToken: findText(settings.aws_session_token),
    profile: findText(settings.profile_name),
    roleArn: findText(settings.aws_role_arn),
    webIdentityTokenFile: findText(settings.aws_web_identity_token_file),
    roleSessionName: findText(settings.aws_role_session_name),
    sessionSeconds: settings.session_ttl ?? undefined,
  }
}

interface UrlSources {
  readonly settings: BedrockSettings
  readonly env: ProviderEnvironment
  readonly region: string
}

function toUrl(service: BedrockService, { settings, env, region }: UrlSources): string {
  const { setting, variable, host } = services[service]
  const said = findText(settings[setting]) ?? findText(env[variable]) ?? findText(env['AWS_ENDPOINT_URL'])
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'
  const url = (said ?? `https://${host}.${region}.${suffix}`).replace(/\/+$/, '')
  return url.endsWith(OPENAI_PATH) ? url.slice(0, -OPENAI_PATH.length) : url
}

/** The older keys as the network block has them. */
function toTimeout(settings: BedrockSettings): { timeout?: Exclude<NetworkOptions['timeout'], undefined> } {
  const { connect_timeout: connect, read_timeout: read, network } = settings
  if (network?.timeout !== undefined && network.timeout !== null) return {}
  const timeout = { ...(connect ? { connect } : {}), ...(read ? { read } : {}) }
  return Object.keys(timeout).length === 0 ? {} : { timeout }
}
