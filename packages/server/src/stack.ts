/** The only place that wires: from a configuration to a running stack. */
import type {
  AnyProviderDefinition,
  Clock,
  Inference,
  Log,
  Principal,
  ProviderEnvironment,
  StackTool,
  Upstream,
} from '@llama-stack/api'
import { StackError } from '@llama-stack/api'
import { parseStackConfig } from './config/parse-stack-config.ts'
import type { StackConfig } from './config/stack-config.ts'
import type { ConfiguredProvider, StackConfigInput } from './config/stack-config.ts'
import { createConfiguredProvider } from './configured-provider.ts'
import type { ProviderWorld } from './configured-provider.ts'
import { createLateAgents } from './late-agents.ts'
import type { LateAgents } from './late-agents.ts'
import { createHttpApp } from './http/http-app.ts'
import type { BoundRoute } from './http/bound-route.ts'
import type { HttpApp } from './http/http-app.ts'
import { systemClock } from './kernel/clock.ts'
import { createIds } from './kernel/ids.ts'
import type { Ids } from './kernel/ids.ts'
import { silentLog } from './kernel/log.ts'
import { createUpstream } from './kernel/upstream.ts'
import { VERSION } from './kernel/version.ts'
import { providerRegistry } from './providers/registry.gen.ts'
import { toInferenceForProviders } from './services/inference/inference-for-providers.ts'
import { createInferenceService } from './services/inference/inference-service.ts'
import { createInspectService } from './services/inspect/inspect-service.ts'
import { createChatModelLookup } from './services/models/chat-model-lookup.ts'
import { ModelFactsBook } from './services/models/model-facts-book.ts'
import { ModelProbes } from './services/models/model-probes.ts'
import { ModelRegistry } from './services/models/model-registry.ts'
import type { DeclaredModel } from './services/models/model-registry.ts'
import { ModelRouter } from './services/models/model-router.ts'
import type { ModelRouterOptions } from './services/models/model-router.ts'
import { createModelsService } from './services/models/models-service.ts'
import { ofApi } from './services/providers/provider-handle.ts'
import type { AnyProviderHandle, ProviderHandle } from './services/providers/provider-handle.ts'
import { ProviderHealthBook } from './services/providers/provider-health.ts'
import { ProviderWatch } from './services/providers/provider-watch.ts'
import type { ProviderWatchOptions } from './services/providers/provider-watch.ts'
import { Executor } from './services/reliability/executor.ts'
import { TargetBook } from './services/reliability/target.ts'
import { createResponseCacheService } from './services/response-cache/response-cache-service.ts'
import { ResponseCache } from './services/response-cache/response-cache.ts'
import { loadRegisteredTools } from './services/responses/tools/load-registered-tools.ts'
import { createSafetyService } from './services/safety/safety-service.ts'
import type { SafetyOptions } from './services/safety/safety-service.ts'
import type { VectorSearch } from './services/search-tools/vector-search-port.ts'
import { NOBODY, toLogEntry } from './log-entry.ts'
import { bindRoutes, inspected } from './stack-services.ts'
import type { StackServices } from './stack-services.ts'
import type { RecordingSettings } from './recordings/environment.ts'
import type { WorkerRole } from './storage/backend.ts'
import { openStorage, StorageConfig } from './storage/open-storage.ts'
import type { RequestLogReader, Storage } from './storage/storage.ts'
import { parseOnce } from './kernel/parse-once.ts'

export type { StackServices } from './stack-services.ts'
export type { FileSearchHit, VectorSearch, VectorSearchRequest } from './services/search-tools/vector-search-port.ts'
export type { WorkerRole } from './storage/backend.ts'

export interface StackOptions {
  readonly config: StackConfigInput
  /** Default: nothing is recorded or replayed. */
  readonly recordings?: RecordingSettings
  /** Default: silent. */
  readonly log?: Log
  readonly clock?: Clock
  readonly ids?: Ids
  /** Where providers look for credentials that the configuration does not have. Default: the process's variables. */
  readonly env?: ProviderEnvironment
  /** Set where this process is one of several that one server consists of. Default: it is the whole server. */
  readonly worker?: WorkerRole
  /** Replaces the transport of every outbound call. */
  readonly upstream?: Upstream
  /** Providers beside the built-in ones; a type of the same name wins. */
  readonly providers?: readonly AnyProviderDefinition[]
  /** Functions that every model may call and that run in this process, whoever the client is: see `defineTool`. */
  readonly tools?: readonly StackTool[]
  /** What the tool `file_search` searches. Default: the tool is refused. */
  readonly vectorSearch?: VectorSearch
}

/** A running stack. It listens nowhere until asked to. */
export interface Stack extends AsyncDisposable {
  readonly config: StackConfig
  readonly services: StackServices
  readonly providers: readonly ProviderHandle[]
  readonly routes: readonly BoundRoute[]
  /** The whole HTTP API as a web-standard function, without a port. */
  readonly fetch: HttpApp['fetch']
  listen(at?: { readonly port?: number; readonly host?: string }): ReturnType<HttpApp['listen']>
  /** Refuses new work, lets open streams end for `drainTimeoutMs`, then cuts them; `force` cuts at once. */
  close(options?: { readonly drainTimeoutMs?: number; readonly force?: boolean }): Promise<void>
  /** The accepted requests whose replies are not complete. */
  readonly openRequests: number
  /** What was asked of this stack by one principal. */
  requestLog(principal: Principal): RequestLogReader
  /** Lists the providers' models again. */
  refreshModels(): Promise<void>
  /** The id of the chat model that `auto` stands for, as far as the providers have listed their models. */
  findAuto(): Promise<string | undefined>
}

/** The provider types that this build serves, by API. */
export function servedProviderTypes(): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(Object.entries(providerRegistry).map(([api, types]) => [api, Object.keys(types)]))
}

/** Creates a stack. Rejects with `config_invalid` or a `storage_*` error; it opens no socket and asks no provider yet. */
export async function createStack(options: StackOptions): Promise<Stack> {
  const config = parseStackConfig(options.config)
  const log = options.log ?? silentLog
  const clock = options.clock ?? systemClock
  const ids = options.ids ?? createIds()
  await using opening = new AsyncDisposableStack()
  const upstream = await openUpstream(options, { config, log, clock }, opening)
  const storage = opening.use(await openConfiguredStorage({ config, worker: options.worker, clock, log }))
  const closing = new AbortController()
  opening.defer(() => closing.abort())
  const everyProvider = await createProviders(config, options, {
    upstream,
    log,
    clock,
    signal: closing.signal,
    inference: toInferenceForProviders(() => inferring, NOBODY),
  })
  opening.defer(() => disposeProviders(everyProvider))
  const providers = ofApi(everyProvider, 'inference')
  const world: StackWorld = { config, storage, clock, log, ids, isLive: options.recordings === undefined }
  const known = createModels(providers, world, opening)
  const { registry, router, health, targets, watch } = known
  const cache = new ResponseCache({ policy: config.responseCache, storage, clock, log })
  // A recording is the answer that is asked for, and a call that is to be recorded has to be made.
  const isCached = world.isLive && config.responseCache.enabled
  const executor = opening.use(createExecutor(world))
  const inferring: Inference = createInferenceService({
    router,
    executor,
    storage,
    clock,
    ids,
    storesCompletions: config.inferenceStore.enabled,
    cache: isCached ? cache : undefined,
  })
  const safeguards = createSafetyService({ ...safetyOf(options, config, everyProvider), storage, ids, log })
  const agents = opening.use(
    createLateAgents({
      ...world,
      inference: inferring,
      findModel: createChatModelLookup(known),
      safety: safeguards,
      providers: everyProvider,
      upstream,
      env: options.env ?? process.env,
      vectorSearch: options.vectorSearch,
      registered: await loadRegisteredTools(options.tools, { log, maxResultBytes: config.mcp.maxResultBytes }),
    }),
  )
  const services: StackServices = {
    inference: inferring,
    models: createModelsService({ ...known, registry, providers, clock, inference: inferring }),
    inspect: createInspectService({
      version: VERSION,
      providers: everyProvider,
      registry,
      health,
      targets,
      clock,
      routes: () => inspected(routes, everyProvider),
      accepting: () => app.accepting,
    }),
    responseCache: createResponseCacheService({
      cache,
      storage,
      enabled: isCached,
      maxBytes: config.responseCache.maxBytes,
    }),
    safety: safeguards,
    ...agents.services,
  }
  const routes = bindRoutes(services)
  const app = opening.adopt(
    createApp({ routes, config, log, clock, ids, storage, ready: () => registry.hasListed }),
    (created) => created.close({ drainTimeoutMs: 0 }),
  )
  const shown = { config, services, providers, routes }
  return toStack({ ...shown, app, registry, watch, agents, router, storage, owned: opening.move() })
}

/** What everything that is made for a stack shares. */
interface StackWorld {
  readonly config: StackConfig
  readonly storage: Storage
  readonly clock: Clock
  readonly log: Log
  readonly ids: Ids
  /** Neither recording nor replaying. */
  readonly isLive: boolean
}

interface StackParts extends Pick<Stack, 'config' | 'services' | 'providers' | 'routes'> {
  readonly app: HttpApp
  readonly registry: ModelRegistry
  readonly watch: ProviderWatch | undefined
  readonly agents: LateAgents
  readonly router: ModelRouter
  readonly storage: Storage
  readonly owned: AsyncDisposableStack
}

function toStack({ app, registry, watch, agents, router, storage, owned, ...shown }: StackParts): Stack {
  const { server } = shown.config
  return {
    ...shown,
    fetch: app.fetch,
    get openRequests() {
      return app.openRequests
    },
    async listen(at = {}) {
      const listening = await app.listen({ port: at.port ?? server.port, host: at.host ?? server.host })
      registry.start()
      watch?.start()
      agents.start()
      return listening
    },
    async close(options = {}) {
      await app.close({ drainTimeoutMs: server.drainTimeoutMs, ...options })
      await owned.disposeAsync()
    },
    requestLog: (principal) => storage.requestLog(principal),
    refreshModels: () => registry.refresh(),
    findAuto: () => router.findAuto(NOBODY),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** The models, and who serves them how well. */
function createModels(providers: readonly ProviderHandle[], world: StackWorld, opening: AsyncDisposableStack) {
  const { config, storage, clock, log, isLive } = world
  const health = new ProviderHealthBook(clock)
  const targets = new TargetBook(config.reliability, health)
  const registry = opening.use(
    new ModelRegistry({
      providers,
      storage,
      clock,
      log,
      ...(isLive && { health }),
      declared: config.models.map((model) => toDeclared(model, providers)),
      aliases: config.aliases ?? {},
      refreshIntervalMs: config.server.registryRefreshSeconds * 1000,
    }),
  )
  const watch = isLive ? opening.use(createWatch({ providers, health, clock, log })) : undefined
  const knowledge = createModelKnowledge({ registry, providers, targets, storage, clock, isLive })
  return { ...knowledge, registry, health, targets, watch }
}

/** How long a provider may be silent before it is asked how it is. */
const WATCH_INTERVAL_MS = 120_000

function createWatch(parts: Omit<ProviderWatchOptions, 'random' | 'intervalMs'>): ProviderWatch {
  return new ProviderWatch({ ...parts, random: Math.random, intervalMs: WATCH_INTERVAL_MS })
}

interface ModelKnowledge {
  readonly facts: ModelFactsBook
  readonly probes: ModelProbes
  readonly router: ModelRouter
}

function createModelKnowledge(
  parts: Omit<ModelRouterOptions, 'findRoom'> & { storage: Storage; clock: Clock; isLive: boolean },
): ModelKnowledge {
  const { registry, providers, targets, storage, clock, isLive } = parts
  const probes = new ModelProbes(storage, clock)
  const facts = new ModelFactsBook({ registry, providers, probes })
  // What was recorded is replayed, whatever is known of its model now.
  const findRoom: ModelRouterOptions['findRoom'] = isLive ? (model) => facts.findRoom(model) : undefined
  return { facts, probes, router: new ModelRouter({ registry, providers, targets, findRoom }) }
}

function createExecutor({ config, clock, isLive }: StackWorld): Executor {
  return new Executor({ clock, once: !isLive, policy: config.reliability, random: Math.random })
}

function safetyOf(
  options: StackOptions,
  { resources, apiSettings }: StackConfig,
  handles: readonly AnyProviderHandle[],
): Pick<SafetyOptions, 'providers' | 'shields' | 'settings' | 'replaying'> {
  return {
    providers: ofApi(handles, 'safety'),
    shields: resources.shields,
    settings: apiSettings['safety'],
    replaying: isReplaying(options),
  }
}

function openConfiguredStorage({
  config,
  ...parts
}: Pick<StackWorld, 'config' | 'clock' | 'log'> & { readonly worker: WorkerRole | undefined }): Promise<Storage> {
  return openStorage({
    ...parts,
    backend: StorageConfig.parse({ type: 'sqlite', db_path: config.storage.sql.path }, parseOnce),
    requestLogRetentionDays: config.requestLog.retentionDays,
    responseCacheMaxBytes: config.responseCache.maxBytes,
  })
}

async function openUpstream(
  options: StackOptions,
  { config, log, clock }: Pick<StackWorld, 'config' | 'log' | 'clock'>,
  opening: AsyncDisposableStack,
): Promise<Upstream> {
  const upstream = options.upstream ?? opening.use(createUpstream({ allowPrivateUrls: config.server.allowPrivateUrls }))
  if (options.recordings === undefined) return upstream
  const { createRecordedUpstream } = await import('./recordings/recorded-upstream.ts')
  return opening.use(createRecordedUpstream({ ...options.recordings, upstream, clock, log }))
}

async function createProviders(
  config: StackConfig,
  options: StackOptions,
  parts: Omit<ProviderWorld, 'accounting' | 'replaying' | 'env'>,
): Promise<AnyProviderHandle[]> {
  const own = options.providers ?? []
  const world: ProviderWorld = {
    ...parts,
    accounting: options.recordings === undefined,
    replaying: isReplaying(options),
    env: options.env ?? process.env,
  }
  const served = config.providers.filter(
    ({ api }) => api in providerRegistry || own.some((definition) => definition.api === api),
  )
  return Promise.all(
    served.map(async (entry) => createConfiguredProvider(entry, await findDefinition(entry, own), world)),
  )
}

function isReplaying({ recordings }: StackOptions): boolean {
  return recordings?.mode === 'replay'
}

async function findDefinition(
  entry: ConfiguredProvider,
  own: readonly AnyProviderDefinition[],
): Promise<AnyProviderDefinition> {
  const found =
    own.find(({ api, type }) => api === entry.api && type === entry.type) ??
    (await providerRegistry[entry.api]?.[entry.type]?.())
  if (found !== undefined) return found
  const types = Object.keys(providerRegistry[entry.api] ?? {})
  throw new StackError('config_invalid', {
    file: entry.path ?? 'the configuration',
    ...entry.position,
    problem: `Provider type '${entry.type}' is not served by this build.`,
    fix: `Use one of: ${types.join(', ')}.`,
  })
}

async function disposeProviders(providers: readonly AnyProviderHandle[]): Promise<void> {
  await Promise.all(providers.map((provider) => provider[Symbol.asyncDispose]()))
}

function toDeclared(model: StackConfig['models'][number], providers: readonly ProviderHandle[]): DeclaredModel {
  const [only] = providers
  const providerId = model.provider_id ?? (providers.length === 1 ? only?.id : undefined)
  if (providerId === undefined) {
    throw new StackError('config_invalid', {
      file: 'the configuration',
      problem: `Model '${model.model_id}' names no provider, and there are ${providers.length}.`,
      fix: `Add provider_id: one of ${providers.map(({ id }) => id).join(', ')}.`,
    })
  }
  return {
    model_id: model.model_id,
    provider_id: providerId,
    provider_model_id: model.provider_model_id ?? model.model_id,
    model_type: model.model_type,
    // Checked as JSON by the schema of the configuration.
    metadata: model.metadata as DeclaredModel['metadata'],
  }
}

interface AppParts {
  readonly routes: readonly BoundRoute[]
  readonly config: StackConfig
  readonly log: Log
  readonly clock: Clock
  readonly ids: Ids
  readonly storage: Storage
  readonly ready: () => boolean
}

function createApp({ routes, config, log, clock, ids, storage, ready }: AppParts): HttpApp {
  return createHttpApp({
    routes,
    server: config.server,
    log,
    clock,
    ids,
    ready,
    openApi: { title: 'Llama Stack', version: VERSION },
    ...(config.requestLog.enabled ? { onFinished: (finished) => storage.appendRequestLog(toLogEntry(finished)) } : {}),
  })
}
