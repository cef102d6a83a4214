/** Where the credentials of this server come from: decided from its settings and variables, before anybody is asked. */
import { readFileSync } from 'node:fs'
import type { ProviderEnvironment } from '@llama-stack/api'
import type { AwsCredentials } from './aws-credentials.ts'
import { readProfiles } from './profile-files.ts'
import type { Profile, Profiles } from './profile-files.ts'

/** What a configuration says about credentials; it goes before the variables. */
export interface AwsSettings {
  readonly accessKeyId?: string | undefined
  readonly secretAccessKey?: string | undefined
  readonly sessionToken?: string | undefined
  readonly profile?: string | undefined
  readonly roleArn?: string | undefined
  readonly webIdentityTokenFile?: string | undefined
  readonly roleSessionName?: string | undefined
  /** How long the credentials of a role live. Default: 3,600 s. */
  readonly sessionSeconds?: number | undefined
}

/** A role that is taken on. */
export interface AssumedRole {
  readonly arn: string
  readonly sessionName: string
  readonly durationSeconds: number
  readonly externalId?: string
}

/** How credentials are come by. */
export type CredentialSource =
  | { readonly kind: 'keys'; readonly credentials: AwsCredentials }
  | { readonly kind: 'role'; readonly role: AssumedRole; readonly base: CredentialSource }
  | { readonly kind: 'web identity'; readonly role: AssumedRole; readonly tokenFile: string }
  | { readonly kind: 'container'; readonly url: string; readonly token?: string; readonly tokenFile?: string }
  | { readonly kind: 'instance'; readonly endpoint: string }
  /** There are none, and this is why. */
  | { readonly kind: 'none'; readonly why: string }

const SESSION_NAME = 'llama-stack'
const SESSION_SECONDS = 3600
/** Where the agent of a container service answers (Amazon ECS, "Task IAM role"). */
const CONTAINER_HOST = 'http://169.254.170.2'
const INSTANCE_ENDPOINT = 'http://169.254.169.254'

const NOTHING = 'no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE'

/**
 * Finds the source: what the settings name, then what the variables name, then the files, the container, the machine. The
 * order within is that of AWS's own libraries.
 */
export function findCredentialSource(settings: AwsSettings, env: ProviderEnvironment): CredentialSource {
  const own = toOwnSettings(settings, env)
  const base = findBase(settings, own, env)
  const takesRole = settings.roleArn !== undefined && base.kind !== 'web identity' && base.kind !== 'none'
  return takesRole ? { kind: 'role', role: toRole(settings.roleArn, own), base } : base
}

/** The region that the settings, the variables or the profile name. */
export function findRegion(region: string | undefined, profile: string | undefined, env: ProviderEnvironment) {
  const said = region ?? (env['AWS_REGION'] || env['AWS_DEFAULT_REGION'] || undefined)
  return said ?? readProfiles(env).get(profile ?? (env['AWS_PROFILE'] || 'default'))?.['region']
}

function toOwnSettings(settings: AwsSettings, env: ProviderEnvironment): AwsSettings {
  return {
    ...settings,
    roleArn: settings.roleArn ?? (env['AWS_ROLE_ARN'] || undefined),
    webIdentityTokenFile: settings.webIdentityTokenFile ?? (env['AWS_WEB_IDENTITY_TOKEN_FILE'] || undefined),
    roleSessionName: settings.roleSessionName ?? (env['AWS_ROLE_SESSION_NAME'] || undefined),
  }
}

function findBase(settings: AwsSettings, own: AwsSettings, env: ProviderEnvironment): CredentialSource {
  const keys = toKeys(settings.accessKeyId, settings.secretAccessKey, settings.sessionToken)
  if (keys !== undefined) return keys
  if (settings.accessKeyId !== undefined || settings.secretAccessKey !== undefined) {
    return { kind: 'none', why: 'one of aws_access_key_id and aws_secret_access_key is missing; give both or none' }
  }
  if (settings.roleArn !== undefined && settings.webIdentityTokenFile !== undefined) {
    return { kind: 'web identity', role: toRole(settings.roleArn, own), tokenFile: settings.webIdentityTokenFile }
  }
  if (settings.profile !== undefined) return fromProfile(settings.profile, { profiles: readProfiles(env), own, env })
  return fromEnvironment(own, env)
}

function fromEnvironment(own: AwsSettings, env: ProviderEnvironment): CredentialSource {
  const keys = toKeys(env['AWS_ACCESS_KEY_ID'], env['AWS_SECRET_ACCESS_KEY'], env['AWS_SESSION_TOKEN'])
  if (keys !== undefined) return keys
  if (own.roleArn !== undefined && own.webIdentityTokenFile !== undefined) {
    return { kind: 'web identity', role: toRole(own.roleArn, own), tokenFile: own.webIdentityTokenFile }
  }
  const profiles = readProfiles(env)
  const named = env['AWS_PROFILE'] || undefined
  if (named !== undefined) return fromProfile(named, { profiles, own, env })
  const byDefault = profiles.has('default') ? fromProfile('default', { profiles, own, env }) : undefined
  if (byDefault !== undefined && byDefault.kind !== 'none') return byDefault
  return findContainer(env) ?? findInstance(env) ?? { kind: 'none', why: NOTHING }
}

interface ProfileSearch {
  readonly profiles: Profiles
  readonly own: AwsSettings
  readonly env: ProviderEnvironment
  /** The profiles that led here. */
  readonly path?: readonly string[]
}

function fromProfile(name: string, search: ProfileSearch): CredentialSource {
  const { profiles, own, path = [] } = search
  const profile = profiles.get(name)
  if (profile === undefined) return { kind: 'none', why: `there is no profile '${name}' in the files of AWS` }
  const { role_arn: arn, source_profile: source, web_identity_token_file: tokenFile } = profile
  const keys = toKeys(profile['aws_access_key_id'], profile['aws_secret_access_key'], profile['aws_session_token'])
  // A profile may name itself as its source: then it has both the keys and the role.
  if (arn === undefined || path.at(-1) === name) return keys ?? whyNoKeys(name, profile)
  if (path.includes(name)) return { kind: 'none', why: `the source profiles of '${name}' form a circle` }
  const role = toRole(arn, own, profile)
  if (tokenFile !== undefined) return { kind: 'web identity', role, tokenFile }
  const base =
    source === undefined
      ? fromCredentialSource(name, profile, search)
      : fromProfile(source, { ...search, path: [...path, name] })
  return base.kind === 'none' ? base : { kind: 'role', role, base }
}

function whyNoKeys(name: string, profile: Profile): CredentialSource {
  const how = ['sso_session', 'sso_start_url', 'credential_process', 'login_session'].find((key) => key in profile)
  return {
    kind: 'none',
    why:
      how === undefined
        ? `the profile '${name}' has no keys and no role`
        : `the profile '${name}' uses ${how}, which is not supported; export its keys with aws configure export-credentials`,
  }
}

function fromCredentialSource(name: string, profile: Profile, { env }: ProfileSearch): CredentialSource {
  const said = profile['credential_source']
  const found =
    said === 'Environment'
      ? toKeys(env['AWS_ACCESS_KEY_ID'], env['AWS_SECRET_ACCESS_KEY'], env['AWS_SESSION_TOKEN'])
      : said === 'EcsContainer'
        ? findContainer(env)
        : said === 'Ec2InstanceMetadata'
          ? toInstance(env)
          : undefined
  return found ?? { kind: 'none', why: `the profile '${name}' has a role, and nothing to take it on with` }
}

/** Amazon ECS and EKS tell their containers where to ask. */
function findContainer(env: ProviderEnvironment): CredentialSource | undefined {
  const path = env['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI']
  const url = path ? CONTAINER_HOST + path : env['AWS_CONTAINER_CREDENTIALS_FULL_URI']
  if (!url) return undefined
  const token = env['AWS_CONTAINER_AUTHORIZATION_TOKEN']
  const tokenFile = env['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE']
  return { kind: 'container', url, ...(token ? { token } : {}), ...(tokenFile ? { tokenFile } : {}) }
}

/** A machine that is none of Amazon's would wait for an address that nobody has: it is asked only where it says so. */
function findInstance(env: ProviderEnvironment): CredentialSource | undefined {
  if (env['AWS_EC2_METADATA_DISABLED']?.toLowerCase() === 'true') return undefined
  return env['AWS_EC2_METADATA_SERVICE_ENDPOINT'] || isInstance() ? toInstance(env) : undefined
}

function toInstance(env: ProviderEnvironment): CredentialSource {
  return { kind: 'instance', endpoint: env['AWS_EC2_METADATA_SERVICE_ENDPOINT'] || INSTANCE_ENDPOINT }
}

/** The firmware of an EC2 instance names its maker ("Identify EC2 instances"). */
function isInstance(): boolean {
  try {
    return readFileSync('/sys/class/dmi/id/sys_vendor', 'utf8').startsWith('Amazon EC2')
  } catch {
    return false
  }
}

function toKeys(id?: string, secret?: string, token?: string): Extract<CredentialSource, { kind: 'keys' }> | undefined {
  if (!id || !secret) return undefined
  return {
    kind: 'keys',
    credentials: { accessKeyId: id, secretAccessKey: secret, ...(token ? { sessionToken: token } : {}) },
  }
}

function toRole(arn: string, own: AwsSettings, profile: Profile = {}): AssumedRole {
  const externalId = profile['external_id']
  const seconds = Number(profile['duration_seconds'] ?? Number.NaN)
  return {
    arn,
    sessionName: own.roleSessionName ?? profile['role_session_name'] ?? SESSION_NAME,
    durationSeconds: Number.isInteger(seconds) ? seconds : (own.sessionSeconds ?? SESSION_SECONDS),
    ...(externalId === undefined ? {} : { externalId }),
  }
}
