/** One model at one provider, and what is known of its health: shared by every route that leads to it. */
import type { ErrorCode, ReplyHeaders } from '@llama-stack/api'
import { toHeaderText } from '../../kernel/header-text.ts'
import { stackHeaders } from '../../kernel/stack-headers.ts'
import type { ProviderHandle } from '../providers/provider-handle.ts'
import type { ProviderHealthBook, ProviderHealthRecord } from '../providers/provider-health.ts'
import { Bulkhead } from './bulkhead.ts'
import { CircuitBreaker } from './circuit-breaker.ts'
import { Latency } from './latency.ts'
import type { ReliabilityPolicy } from './reliability-policy.ts'

/** The last failure that counted against a target. */
export interface TargetFailure {
  readonly code: ErrorCode
  readonly message: string
  /** Milliseconds since the epoch. */
  readonly atMs: number
}

export interface Target {
  /** `provider/model`. */
  readonly name: string
  readonly provider: ProviderHandle
  /** The id that the provider is called with. */
  readonly model: string
  /** What every reply says of who served it. */
  readonly headers: ReplyHeaders
  readonly breaker: CircuitBreaker
  /** One for all models of the provider. */
  readonly bulkhead: Bulkhead | undefined
  readonly latency: Latency
  /** One for all models of the provider. */
  readonly health: ProviderHealthRecord
  /** The vendor asked not to be called before; monotonic milliseconds. Heeded where another target can be asked. */
  notBeforeMs: number
  lastFailure: TargetFailure | undefined
}

/** Names that clients make up must not fill the memory. */
const MAX_TARGETS = 2000

export class TargetBook {
  readonly #policy: ReliabilityPolicy
  readonly #health: ProviderHealthBook
  /** The least recently looked up first. */
  readonly #targets = new Map<string, Target>()
  readonly #bulkheads = new Map<string, Bulkhead>()

  constructor(policy: ReliabilityPolicy, health: ProviderHealthBook) {
    this.#policy = policy
    this.#health = health
  }

  /** The one target of this provider and model. */
  get(provider: ProviderHandle, model: string): Target {
    const name = `${provider.id}/${model}`
    const target = this.#targets.get(name) ?? this.#create(name, provider, model)
    this.#targets.delete(name)
    this.#targets.set(name, target)
    if (this.#targets.size > MAX_TARGETS) this.#forget()
    return target
  }

  /** What has been asked of a provider so far. */
  listOf(providerId: string): readonly Target[] {
    return [...this.#targets.values()].filter(({ provider }) => provider.id === providerId)
  }

  #create(name: string, provider: ProviderHandle, model: string): Target {
    return {
      name,
      provider,
      model,
      headers: Object.freeze({
        [stackHeaders.provider]: toHeaderText(provider.id),
        [stackHeaders.model]: toHeaderText(model),
      }),
      breaker: new CircuitBreaker(this.#policy.breaker),
      bulkhead: this.#bulkheadOf(provider.id),
      latency: new Latency(),
      health: this.#health.get(provider.id),
      notBeforeMs: 0,
      lastFailure: undefined,
    }
  }

  #bulkheadOf(providerId: string): Bulkhead | undefined {
    const known = this.#bulkheads.get(providerId)
    const policy = this.#policy.providers[providerId] ?? this.#policy.bulkhead
    if (known !== undefined || policy === undefined) return known
    const bulkhead = new Bulkhead(providerId, policy)
    this.#bulkheads.set(providerId, bulkhead)
    return bulkhead
  }

  /** Drops the first that nothing depends on: routes keep the ones that they lead to. */
  #forget(): void {
    for (const [name, { breaker, latency }] of this.#targets) {
      if (breaker.state !== 'closed' || latency.inFlight > 0) continue
      this.#targets.delete(name)
      return
    }
  }
}
