/** From a source to credentials, and the cache that keeps them. */
import { StackError } from '@llama-stack/api'
import { TokenCache } from '../token-cache.ts'
import type { Token } from '../token-cache.ts'
import type { AwsCredentials } from './aws-credentials.ts'
import type { AwsWorld } from './aws-world.ts'
import { findCredentialSource } from './credential-source.ts'
import type { AwsSettings, CredentialSource } from './credential-source.ts'
import { loadContainerCredentials, loadInstanceCredentials } from './metadata-credentials.ts'
import { assumeRole, assumeRoleWithWebIdentity } from './security-token-service.ts'

/** The cache holds the server's one identity under this key. */
const OWN = 'own'

/** The server's credentials, kept until shortly before their end. */
export interface CredentialStore {
  /** Throws `provider_authentication` where there are none or they cannot be had. The signal ends the waiting only. */
  get(signal?: AbortSignal): Promise<AwsCredentials>
  /** Forgets credentials that a service refuses as expired. Says whether another try is worth while. */
  drop(refused: AwsCredentials): boolean
}

/** Prepares a store. Nothing is read before the first call; files are read again when new credentials are due. */
export function toCredentialStore(settings: AwsSettings, world: AwsWorld): CredentialStore {
  const cache = new TokenCache<AwsCredentials>({
    provider: world.provider,
    clock: world.clock,
    load: () => load(findCredentialSource(settings, world.env), world),
  })
  return {
    get: (signal) => cache.get(OWN, signal),
    drop: (refused) => cache.drop(OWN, refused),
  }
}

async function load(source: CredentialSource, world: AwsWorld): Promise<Token<AwsCredentials>> {
  switch (source.kind) {
    case 'keys':
      return { value: source.credentials, expiresAtMs: Number.POSITIVE_INFINITY }
    case 'role':
      return assumeRole(source.role, (await load(source.base, world)).value, world)
    case 'web identity':
      return assumeRoleWithWebIdentity(source.role, source.tokenFile, world)
    case 'container':
      return loadContainerCredentials(source, world)
    case 'instance':
      return loadInstanceCredentials(source, world)
    case 'none':
      throw new StackError('provider_authentication', { provider: world.provider, reason: source.why })
  }
}
