/**
 * What is known of each model, in the order of trust: what the operator says, what the provider lists, what was shipped,
 * what was tried.
 */
import type { JsonObject, ModelFacts, Principal, SourcedFacts } from '@llama-stack/api'
import type { ProviderHandle } from '../providers/provider-handle.ts'
import { mergeFacts, readFacts } from './model-facts.ts'
import type { KnownFrom } from './model-facts.ts'
import type { AddressedModel, ModelRegistry } from './model-registry.ts'
import type { ModelProbes } from './model-probes.ts'
import type { PublishedFacts } from './published-facts.ts'

/** How much a target can take; what does not fit is refused before it is sent. */
export interface ModelRoom {
  readonly contextTokens: number
  /** Whether the tokens that a reply may have are part of it. */
  readonly countsReply: boolean
}

export interface ModelFactsOptions {
  readonly registry: ModelRegistry
  readonly providers: readonly ProviderHandle[]
  readonly probes: ModelProbes
}

export class ModelFactsBook {
  readonly #registry: ModelRegistry
  readonly #providers: ReadonlyMap<string, ProviderHandle>
  readonly #probes: ModelProbes
  /** By provider and name: the table does not change while the server runs. */
  readonly #published = new Map<string, PublishedFacts | undefined>()
  readonly #read = new WeakMap<JsonObject, ModelFacts>()

  constructor({ registry, providers, probes }: ModelFactsOptions) {
    this.#registry = registry
    this.#providers = new Map(providers.map((provider) => [provider.id, provider]))
    this.#probes = probes
  }

  /** Prepares the answers for one principal: what is known of a model, with its sources. */
  async readFor(principal: Principal): Promise<(model: AddressedModel) => Promise<SourcedFacts>> {
    const findProbe = await this.#probes.readAll(principal)
    return async (model) => {
      const others = [await this.#findPublished(model), findProbe(model)].filter((known) => known !== undefined)
      return mergeFacts([...this.#told(model), ...others])
    }
  }

  /** The room of a target; undefined where nobody knows it. */
  async findRoom(model: AddressedModel): Promise<ModelRoom | undefined> {
    const told = this.#told(model).find(({ facts }) => facts.context_length !== undefined)
    const contextTokens = told?.facts.context_length ?? (await this.#findPublished(model))?.upTo
    if (contextTokens === undefined) return undefined
    const provider = await this.#providers.get(model.providerId)?.get()
    return { contextTokens, countsReply: provider?.replyCountsAsContext === true }
  }

  #told(model: AddressedModel): KnownFrom[] {
    const listed = model.isListed === true ? model : this.#registry.findListed(model.providerId, model.resourceId)
    const byProvider: KnownFrom[] =
      listed === undefined ? [] : [{ facts: this.#factsOf(listed), source: { from: 'provider' } }]
    if (listed === model) return byProvider
    return [{ facts: this.#factsOf(model), source: { from: 'configuration' } }, ...byProvider]
  }

  #factsOf({ metadata }: AddressedModel): ModelFacts {
    const read = this.#read.get(metadata) ?? readFacts(metadata)
    this.#read.set(metadata, read)
    return read
  }

  async #findPublished({ providerId, resourceId }: AddressedModel): Promise<PublishedFacts | undefined> {
    const handle = this.#providers.get(providerId)
    if (handle === undefined || handle.off !== undefined) return undefined
    const { catalog } = await handle.get()
    if (catalog === undefined) return undefined
    const key = `${catalog} ${resourceId}`
    if (this.#published.has(key)) return this.#published.get(key)
    // A start that lists no models of a known vendor does not read the table.
    const { findPublishedFacts } = await import('./published-facts.ts')
    const found = findPublishedFacts(catalog, resourceId)
    if (this.#published.size < MAX_REMEMBERED) this.#published.set(key, found)
    return found
  }
}

/** Names that clients make up must not fill the memory. */
const MAX_REMEMBERED = 2000
