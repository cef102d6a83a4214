/** A provider of the configuration: its settings checked now, the provider itself created at its first call. */
import type {
  AnyProviderDefinition,
  Clock,
  InferenceProvider,
  Log,
  ProviderApi,
  ProviderDependencies,
  ProviderEnvironment,
  Upstream,
} from '@llama-stack/api'
import { StackError } from '@llama-stack/api'
import { parsePath } from './config/config-path.ts'
import { explainIssue, toConfigPath } from './config/explain-issue.ts'
import type { ConfiguredProvider } from './config/stack-config.ts'
import { maskSecrets } from './kernel/secrets.ts'
import type { AnyProviderHandle } from './services/providers/provider-handle.ts'
import { parseOnce } from './kernel/parse-once.ts'

/** What every provider of one stack shares. */
export interface ProviderWorld {
  readonly upstream: Upstream
  readonly log: Log
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Whether usage may be asked of vendors beyond what the client asked. */
  readonly accounting: boolean
  /** Whether every call is answered from recordings: then no credential is needed. */
  readonly replaying: boolean
  readonly env: ProviderEnvironment
  /** What providers get that depend on inference: the models of all providers. */
  readonly inference: InferenceProvider
}

/** Checks the settings of one provider and wraps it. Throws `config_invalid`, naming the key and the fix. */
export function createConfiguredProvider(
  entry: ConfiguredProvider,
  definition: AnyProviderDefinition,
  world: ProviderWorld,
): AnyProviderHandle {
  const parsed = definition.config.safeParse(entry.config, parseOnce)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const path = [
      ...parsePath(entry.path ?? `providers.${entry.api}.${entry.id}`),
      'config',
      ...toConfigPath(issue?.path ?? []),
    ]
    const explained =
      issue === undefined ? { problem: 'The settings are wrong.', fix: '' } : explainIssue(issue, path, entry.config)
    throw new StackError('config_invalid', { file: 'the configuration', ...entry.position, ...explained })
  }
  const { inference, ...shared } = world
  const needs = [...(definition.requires ?? []), ...(definition.uses ?? [])]
  // The definition's own schema made the settings: its functions take what it made.
  const config = parsed.data as never
  let created: ProviderDependencies[ProviderApi] | undefined
  const handle = {
    api: definition.api,
    id: entry.id,
    type: definition.type,
    // Settings are an object in every definition.
    shownConfig: maskSecrets(entry.config) as AnyProviderHandle['shownConfig'],
    off: world.replaying ? undefined : definition.off?.(config, world.env),
    credentialKey: definition.credential?.providerData,
    get created() {
      return created
    },
    get(): Promise<ProviderDependencies[ProviderApi]> {
      created ??= definition.create({
        id: entry.id,
        config,
        deps: needs.includes('inference') ? { inference } : {},
        ...shared,
        log: world.log.child({ provider: entry.id }),
      } as never)
      return Promise.resolve(created)
    },
    async [Symbol.asyncDispose]() {
      await created?.[Symbol.asyncDispose]?.()
    },
  }
  // The definition of an API creates what that API's providers are.
  return handle as AnyProviderHandle
}
