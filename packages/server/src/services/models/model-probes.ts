/** What was learned by trying models out, as its owner sees it. */
import type { Clock, ModelFacts, Principal } from '@llama-stack/api'
import type { Storage } from '../../storage/storage.ts'
import { readFacts } from './model-facts.ts'
import type { KnownFrom } from './model-facts.ts'

/** A model as its provider is called for it. */
export interface ProbedModel {
  readonly providerId: string
  readonly resourceId: string
}

/** Finds what was learned of a model. */
export type FindProbe = (model: ProbedModel) => KnownFrom | undefined

export class ModelProbes {
  readonly #storage: Storage
  readonly #clock: Clock

  constructor(storage: Storage, clock: Clock) {
    this.#storage = storage
    this.#clock = clock
  }

  /** Reads all that a principal has learned: another process may have added to it. */
  async readAll(principal: Principal): Promise<FindProbe> {
    const rows = await this.#storage.modelProbes(principal).list()
    const byModel = new Map(
      rows.map(({ providerId, providerModelId, facts, probedAtMs }) => [
        toKey({ providerId, resourceId: providerModelId }),
        { facts: readFacts(facts), source: { from: 'probe', as_of: toDay(probedAtMs) } } satisfies KnownFrom,
      ]),
    )
    return (model) => byModel.get(toKey(model))
  }

  async save({ providerId, resourceId }: ProbedModel, facts: ModelFacts, principal: Principal): Promise<void> {
    await this.#storage.modelProbes(principal).save({
      providerId,
      providerModelId: resourceId,
      // Facts are JSON.
      facts: JSON.parse(JSON.stringify(facts)) as { [name: string]: never },
      probedAtMs: this.#clock.now(),
    })
  }
}

function toKey({ providerId, resourceId }: ProbedModel): string {
  return `${providerId}\n${resourceId}`
}

function toDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
