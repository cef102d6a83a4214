/**
 * Which models there are: those of the configuration, those that providers list, those that callers registered.
 *
 * Lists load after the server listens and are swapped in whole, one provider at a time, so that a refresh leaves no gap
 * in which a model is unknown (upstream removes all models of a provider before it adds them again).
 */
import type { Clock, JsonObject, Log, ModelType, Principal, ProviderCall, ProviderModel } from '@llama-stack/api'
import { isStackError, StackError } from '@llama-stack/api'
import type { RegisteredModel, Storage } from '../../storage/storage.ts'
import type { ProviderHandle } from '../providers/provider-handle.ts'
import { toHealthFailure } from '../providers/provider-health.ts'
import type { ProviderHealthBook } from '../providers/provider-health.ts'
import type { Aliases } from './route.ts'

/** A model that can be asked for by its id. */
export interface KnownModel {
  readonly id: string
  readonly providerId: string
  /** The id that the provider is called with. */
  readonly resourceId: string
  readonly type: ModelType
  readonly metadata: JsonObject
  /** Unix seconds when this server first saw it. */
  readonly created: number
  /** Other names that its provider takes for it. Default: none. */
  readonly names?: readonly string[]
  /** Whether its metadata is what its provider's list says. Default: somebody configured or registered it. */
  readonly isListed?: boolean
}

/** What of a model decides where its calls go and what is known of it. */
export type AddressedModel = Pick<KnownModel, 'providerId' | 'resourceId' | 'metadata' | 'isListed'>

/** A model as the configuration declares it. */
export interface DeclaredModel {
  readonly model_id: string
  /** `all` stands for the first provider that can serve. */
  readonly provider_id: string
  /** `auto` stands for the first model of that provider. */
  readonly provider_model_id: string
  readonly model_type: ModelType
  readonly metadata: JsonObject
}

export interface ModelRegistryOptions {
  readonly providers: readonly ProviderHandle[]
  readonly declared: readonly DeclaredModel[]
  readonly aliases: Aliases
  readonly storage: Storage
  readonly clock: Clock
  readonly log: Log
  readonly refreshIntervalMs: number
  /** Told how each listing went. Default: nobody is, for recorded lists say nothing of a provider's health. */
  readonly health?: ProviderHealthBook
}

/** How long one provider may take to list its models. */
const LISTING_TIMEOUT_MS = 10_000

export class ModelRegistry implements Disposable {
  readonly #options: ModelRegistryOptions
  readonly #declared = new Map<string, KnownModel>()
  readonly #placeholders = new Map<string, DeclaredModel>()
  readonly #listed = new Map<string, ReadonlyMap<string, KnownModel>>()
  readonly #registered = new Map<string, Promise<Map<string, KnownModel>>>()
  readonly #failures = new Map<string, string>()
  readonly #closing = new AbortController()
  #refreshing: Promise<void> | undefined
  #version = 0
  #revision: number
  #hasListed = false
  #timer: NodeJS.Timeout | undefined

  constructor(options: ModelRegistryOptions) {
    this.#options = options
    this.#revision = options.storage.modelRevision()
    const created = Math.floor(options.clock.now() / 1000)
    for (const model of options.declared) {
      if (model.provider_id === 'all' || model.provider_model_id === 'auto') {
        this.#placeholders.set(model.model_id, model)
        continue
      }
      const known: KnownModel = {
        id: toIdentifier(model.model_id, model.provider_model_id, model.provider_id),
        providerId: model.provider_id,
        resourceId: model.provider_model_id,
        type: model.model_type,
        metadata: model.metadata,
        created,
      }
      this.#declared.set(known.id, known)
    }
  }

  /** Changes whenever a look-up may have another result than before. */
  get version(): number {
    this.#forgetIfChanged()
    return this.#version
  }

  /** Another process of this server may have registered or removed models since they were read. */
  #forgetIfChanged(): void {
    const revision = this.#options.storage.modelRevision()
    if (revision === this.#revision) return
    this.#revision = revision
    this.#registered.clear()
    this.#version += 1
  }

  get aliases(): Aliases {
    return this.#options.aliases
  }

  /** Declared models that stand for whatever is there: `provider_id: all`, `provider_model_id: auto`. */
  findPlaceholder(id: string): DeclaredModel | undefined {
    return this.#placeholders.get(id)
  }

  get placeholders(): Iterable<DeclaredModel> {
    return this.#placeholders.values()
  }

  /** Why the last listing of a provider failed, or undefined. */
  findFailure(providerId: string): string | undefined {
    return this.#failures.get(providerId)
  }

  /** Starts listing now and again at each interval. Returns at once. */
  start(): void {
    void this.refresh()
    clearInterval(this.#timer)
    this.#timer = setInterval(() => void this.refresh(), this.#options.refreshIntervalMs)
    this.#timer.unref()
  }

  /** Lists every provider's models, all at once. A provider that fails keeps the list it had. */
  refresh(): Promise<void> {
    this.#refreshing ??= Promise.all(this.#options.providers.map((handle) => this.#refreshOne(handle)))
      .then(() => undefined)
      .finally(() => {
        this.#refreshing = undefined
        this.#hasListed = true
        this.#version += 1
      })
    return this.#refreshing
  }

  /** Whether every provider was asked at least once, whatever it said. */
  get hasListed(): boolean {
    return this.#hasListed
  }

  /** The listing that is under way: an unknown model may be in it. Starts the first one where nobody has. */
  get pending(): Promise<void> | undefined {
    return this.#refreshing ?? (this.#hasListed ? undefined : this.refresh())
  }

  async #refreshOne(handle: ProviderHandle): Promise<void> {
    if (handle.off !== undefined) return
    const { log } = this.#options
    const health = this.#options.health?.get(handle.id)
    try {
      const listing = await listModels(handle, {
        requestId: `listing-${handle.id}`,
        providerData: {},
        signal: AbortSignal.any([this.#closing.signal, AbortSignal.timeout(LISTING_TIMEOUT_MS)]),
      })
      this.#failures.delete(handle.id)
      if (listing !== undefined) {
        this.#listed.set(handle.id, this.#toKnown(handle, listing))
        health?.succeed('listing')
      }
      this.#version += 1
    } catch (error) {
      if (this.#closing.signal.aborted) return
      const reason = error instanceof Error ? error.message : String(error)
      this.#failures.set(handle.id, reason)
      health?.fail('listing', toHealthFailure(error))
      this.#version += 1
      // In replay most vendors' lists were never recorded: that is no reason to worry anybody.
      const level = isStackError(error, 'recording_not_found') ? 'debug' : 'warn'
      log[level]('cannot list models', { provider: handle.id, reason })
    }
  }

  #toKnown(handle: ProviderHandle, listing: readonly ProviderModel[]): Map<string, KnownModel> {
    const before = this.#listed.get(handle.id)
    const now = Math.floor(this.#options.clock.now() / 1000)
    const models = new Map<string, KnownModel>()
    for (const { id: resourceId, type, metadata, names } of listing) {
      const id = `${handle.id}/${resourceId}`
      models.set(id, {
        id,
        providerId: handle.id,
        resourceId,
        type,
        metadata,
        created: before?.get(id)?.created ?? now,
        ...(names === undefined ? {} : { names }),
        isListed: true,
      })
    }
    return models
  }

  /** Models that answer to a caller’s own keys; nothing of it is kept. */
  async listWith(call: ProviderCall): Promise<KnownModel[]> {
    const reachable = this.#options.providers.filter(
      ({ credentialKey }) => credentialKey !== undefined && typeof call.providerData[credentialKey] === 'string',
    )
    const lists = await Promise.allSettled(
      reachable.map(async (handle) => {
        const signal = AbortSignal.any([call.signal, AbortSignal.timeout(LISTING_TIMEOUT_MS)])
        return [...this.#toKnown(handle, (await listModels(handle, { ...call, signal })) ?? []).values()]
      }),
    )
    return lists.flatMap((list) => (list.status === 'fulfilled' ? list.value : []))
  }

  /** Every model that the principal may use: declared, then registered, then listed in the order of the providers. */
  async list(principal: Principal): Promise<KnownModel[]> {
    const all = new Map<string, KnownModel>(this.#declared)
    for (const [id, model] of await this.#registeredBy(principal)) all.set(id, model)
    for (const { id: providerId } of this.#options.providers) {
      for (const [id, model] of this.#listed.get(providerId) ?? []) if (!all.has(id)) all.set(id, model)
    }
    return [...all.values()]
  }

  /** The model with exactly this id, or with one of the other names that its provider takes for it. */
  async find(id: string, principal: Principal): Promise<KnownModel | undefined> {
    return (await this.#findExact(id, principal)) ?? this.#findNamed(id)
  }

  async #findExact(id: string, principal: Principal): Promise<KnownModel | undefined> {
    const declared = this.#declared.get(id)
    if (declared !== undefined) return declared
    const registered = (await this.#registeredBy(principal)).get(id)
    if (registered !== undefined) return registered
    for (const models of this.#listed.values()) {
      const listed = models.get(id)
      if (listed !== undefined) return listed
    }
    return undefined
  }

  /** The model as its provider lists it. */
  findListed(providerId: string, resourceId: string): KnownModel | undefined {
    return this.#listed.get(providerId)?.get(`${providerId}/${resourceId}`)
  }

  #findNamed(id: string): KnownModel | undefined {
    for (const [providerId, models] of this.#listed) {
      if (!id.startsWith(`${providerId}/`)) continue
      const name = id.slice(providerId.length + 1)
      for (const model of models.values()) if (model.names?.includes(name) === true) return model
    }
    return undefined
  }

  /** Keeps a model for this principal. The same values again change nothing; other values are a conflict. */
  async register(model: KnownModel, principal: Principal): Promise<KnownModel> {
    const known = await this.#findExact(model.id, principal)
    if (known !== undefined) return expectSame(known, model)
    try {
      await this.#options.storage.models(principal).insert(toRow(model))
    } catch (error) {
      // Somebody was faster, here or in another process.
      const other = isStackError(error, 'model_exists') ? await this.#findExact(model.id, principal) : undefined
      if (other === undefined) throw error
      return expectSame(other, model)
    }
    ;(await this.#registeredBy(principal)).set(model.id, model)
    this.#version += 1
    return model
  }

  /** Forgets a model that this principal registered. Whether there was one. */
  async unregister(id: string, principal: Principal): Promise<boolean> {
    const deleted = await this.#options.storage.models(principal).delete(id)
    ;(await this.#registeredBy(principal)).delete(id)
    this.#version += 1
    return deleted
  }

  #registeredBy(principal: Principal): Promise<Map<string, KnownModel>> {
    this.#forgetIfChanged()
    const known = this.#registered.get(principal.id)
    if (known !== undefined) return known
    const loading = this.#options.storage
      .models(principal)
      .list()
      .then((rows) => new Map(rows.map((row) => [row.modelId, fromRow(row)] as const)))
    this.#registered.set(principal.id, loading)
    // A failed read must not be remembered: the next call tries again.
    loading.catch(() => this.#registered.delete(principal.id))
    return loading
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#closing.abort()
  }
}

/**
 * The id under which a registered model answers. Llama Stack: an id that differs from the provider's is an alias and stays
 * bare; OGX: an id that carries the provider's prefix stays as it is.
 */
export function toIdentifier(modelId: string, providerModelId: string, providerId: string): string {
  if (modelId !== providerModelId || modelId.startsWith(`${providerId}/`)) return modelId
  return `${providerId}/${providerModelId}`
}

function expectSame(known: KnownModel, model: KnownModel): KnownModel {
  const { providerId, resourceId, type } = known
  if (providerId === model.providerId && resourceId === model.resourceId && type === model.type) return known
  throw new StackError('model_exists', { model: model.id, provider: providerId })
}

async function listModels(handle: ProviderHandle, call: ProviderCall): Promise<readonly ProviderModel[] | undefined> {
  const provider = await handle.get()
  return provider.models?.(call)
}

function toRow(model: KnownModel): RegisteredModel {
  return {
    modelId: model.id,
    providerId: model.providerId,
    providerModelId: model.resourceId,
    type: model.type,
    metadata: model.metadata,
    createdAtMs: model.created * 1000,
  }
}

function fromRow(row: RegisteredModel): KnownModel {
  return {
    id: row.modelId,
    providerId: row.providerId,
    resourceId: row.providerModelId,
    type: row.type,
    metadata: row.metadata,
    created: Math.floor(row.createdAtMs / 1000),
  }
}
