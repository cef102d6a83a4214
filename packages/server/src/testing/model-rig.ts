/** A registry and a router over a real store and providers that a test makes up. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CallContext, InferenceProvider, JsonObject, ModelType, ProviderModel } from '@llama-stack/api'
import { ReliabilitySettings } from '../config/reliability-settings.ts'
import { createLog } from '../kernel/log.ts'
import { ModelRegistry } from '../services/models/model-registry.ts'
import type { DeclaredModel, ModelRegistryOptions } from '../services/models/model-registry.ts'
import { ModelRouter } from '../services/models/model-router.ts'
import type { ProviderHandle } from '../services/providers/provider-handle.ts'
import { ProviderHealthBook } from '../services/providers/provider-health.ts'
import { TargetBook } from '../services/reliability/target.ts'
import { openStorage } from '../storage/open-storage.ts'

/** A provider as a test makes it up: what it does, and what its handle says of it. */
export type RigProvider = InferenceProvider & Partial<Pick<ProviderHandle, 'off' | 'credentialKey'>>

export interface ModelRigOptions {
  /** By their ids, in the order of the configuration. */
  readonly providers: Readonly<Record<string, RigProvider>>
  readonly declared?: readonly DeclaredModel[]
  readonly aliases?: ModelRegistryOptions['aliases']
  /** Default: an hour, so that nothing is listed again by itself. */
  readonly refreshIntervalMs?: number
}

export interface ModelRig extends AsyncDisposable {
  readonly registry: ModelRegistry
  readonly router: ModelRouter
  /** The lines of the log, parsed. */
  readonly logged: readonly JsonObject[]
  /** Sets the clock, in seconds since the epoch; it stands still otherwise. */
  setTime(seconds: number): void
  /** Another registry over the same store and providers, as after a restart. */
  restart(): ModelRegistry
}

/** Creates the rig. Nothing is listed until the test asks for it. */
export async function createModelRig(options: ModelRigOptions): Promise<ModelRig> {
  await using opening = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'models-'))
  opening.defer(() => rm(folder, { recursive: true }))
  let nowMs = 0
  const clock = { now: () => nowMs, monotonic: () => performance.now() }
  const logged: JsonObject[] = []
  // What the log writes is JSON of its own making.
  const write = (line: string): unknown => logged.push(JSON.parse(line) as JsonObject)
  const log = createLog({ level: 'debug', format: 'json', clock, write })
  const backend = { type: 'sqlite' as const, db_path: join(folder, 'state.db'), busy_timeout_ms: 1000 }
  const storage = opening.use(await openStorage({ backend, clock, log }))
  const providers = Object.entries(options.providers).map(([id, provider]) => toHandle(id, provider))
  const defaults = { aliases: {}, declared: [], refreshIntervalMs: 3_600_000 }
  const registryOptions: ModelRegistryOptions = { ...defaults, ...options, providers, storage, clock, log }
  const registry = opening.use(new ModelRegistry(registryOptions))
  const reliability = ReliabilitySettings.parse({})
  const opened = opening.move()
  return {
    registry,
    router: new ModelRouter({
      registry,
      providers,
      targets: new TargetBook(reliability, new ProviderHealthBook(clock)),
    }),
    logged,
    setTime: (seconds) => (nowMs = seconds * 1000),
    restart: () => opened.use(new ModelRegistry(registryOptions)),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

function toHandle(id: string, { off, credentialKey, ...provider }: RigProvider): ProviderHandle {
  return {
    api: 'inference',
    id,
    type: `test::${id}`,
    shownConfig: {},
    off,
    credentialKey,
    created: provider,
    get: () => Promise.resolve(provider),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

/** Models as a provider lists them. */
export function toModels(ids: readonly string[], type: ModelType = 'llm'): ProviderModel[] {
  return ids.map((id) => ({ id, type, metadata: {} }))
}

/** A provider that always lists these. */
export function listing(...ids: readonly string[]): Pick<InferenceProvider, 'models'> {
  return { models: () => Promise.resolve(toModels(ids)) }
}

/** A call by `anna`, unless the test says otherwise. */
export function callBy(id = 'anna', more: Partial<CallContext> = {}): CallContext {
  return { principal: { id }, requestId: 'req_1', signal: new AbortController().signal, providerData: {}, ...more }
}
