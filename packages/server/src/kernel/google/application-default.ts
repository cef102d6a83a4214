/**
 * Application Default Credentials without an SDK: a credentials file that is named, the one that gcloud leaves behind, or
 * the metadata server of the machine, in that order.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { ProviderEnvironment, Upstream } from '@llama-stack/api'
import { TokenCache } from '../token-cache.ts'
import type { Token } from '../token-cache.ts'
import { readCredentialsFile } from './credentials-file.ts'
import type { CredentialsFile } from './credentials-file.ts'
import { buyMachineToken, findMetadataOrigin, readMachineProject } from './metadata-server.ts'
import type { TokenBuyer } from './token-endpoint.ts'

/** Where credentials come from. */
export type CredentialsSource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'machine'; readonly origin: string }

/** Finds the source, or undefined where there is none. Looks at a few paths and asks nothing of the network. */
export function findCredentialsSource(env: ProviderEnvironment, file?: string): CredentialsSource | undefined {
  const named = file ?? findSaid(env, 'GOOGLE_APPLICATION_CREDENTIALS')
  if (named !== undefined) return { kind: 'file', path: named }
  const wellKnown = findWellKnownFile(env)
  if (wellKnown !== undefined && existsSync(wellKnown)) return { kind: 'file', path: wellKnown }
  const origin = findMetadataOrigin(env)
  return origin === undefined ? undefined : { kind: 'machine', origin }
}

/** The project that Google's tools name in the environment. */
export function findNamedProject(env: ProviderEnvironment): string | undefined {
  return findSaid(env, 'GOOGLE_CLOUD_PROJECT') ?? findSaid(env, 'GCLOUD_PROJECT')
}

/** Credentials of one source. */
export interface GoogleCredentials {
  /** Tokens under one key, {@link DEFAULT_KEY}. */
  readonly tokens: TokenCache
  /** The project that the credentials belong to. */
  findProject(): Promise<string | undefined>
  /** The project that a person's calls are charged to, where the credentials name one. */
  findQuotaProject(): Promise<string | undefined>
}

/** The key of the only token. */
export const DEFAULT_KEY = 'default'

/** What buying tokens needs, and the way to the machine itself, which no proxy knows. */
export interface CredentialsBuyer extends TokenBuyer {
  readonly local: Upstream
}

/** Prepares credentials. The file is read at the first call, and again for each token, so that it may be replaced. */
export function toGoogleCredentials(source: CredentialsSource, buyer: CredentialsBuyer): GoogleCredentials {
  const { provider, clock } = buyer
  const nearby = { ...buyer, upstream: buyer.local }
  const read = (path: string): Promise<CredentialsFile> => readCredentialsFile(provider, path)
  return {
    tokens: new TokenCache({
      provider,
      clock,
      load: async () =>
        source.kind === 'machine'
          ? buyMachineToken(nearby, source.origin)
          : buyWithFile(buyer, await read(source.path)),
    }),
    async findProject() {
      if (source.kind === 'machine') return readMachineProject(nearby, source.origin)
      const file = await read(source.path)
      return (file.type === 'service_account' ? file.project_id : undefined) ?? file.quota_project_id
    },
    async findQuotaProject() {
      return source.kind === 'machine' ? undefined : (await read(source.path)).quota_project_id
    },
  }
}

/** Each kind of file is served by a module of its own, loaded when it is needed. */
async function buyWithFile(buyer: TokenBuyer, file: CredentialsFile): Promise<Token<string>> {
  switch (file.type) {
    case 'service_account':
      return (await import('./service-account.ts')).buyServiceAccountToken(buyer, file)
    case 'authorized_user':
      return (await import('./authorized-user.ts')).buyUserToken(buyer, file)
    case 'external_account':
      return (await import('./external-account.ts')).buyFederatedToken(buyer, file)
    case 'impersonated_service_account': {
      const source = await buyWithFile(buyer, file.source_credentials)
      const { service_account_impersonation_url: url, delegates } = file
      const { buyImpersonatedToken } = await import('./impersonation.ts')
      return buyImpersonatedToken(buyer, { url, delegates }, source.value)
    }
  }
}

function findWellKnownFile(env: ProviderEnvironment): string | undefined {
  const name = 'application_default_credentials.json'
  const chosen = findSaid(env, 'CLOUDSDK_CONFIG')
  if (chosen !== undefined) return join(chosen, name)
  const windows = findSaid(env, 'APPDATA')
  if (process.platform === 'win32') return windows === undefined ? undefined : join(windows, 'gcloud', name)
  const home = findSaid(env, 'HOME')
  return home === undefined ? undefined : join(home, '.config', 'gcloud', name)
}

function findSaid(env: ProviderEnvironment, name: string): string | undefined {
  const value = env[name]
  return value === undefined || value === '' ? undefined : value
}
