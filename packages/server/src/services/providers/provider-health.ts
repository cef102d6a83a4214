/** How a provider is, as what was asked of it tells. It is kept in memory: to look at it costs nothing and asks nobody. */
import type { Clock } from '@llama-stack/api'
import { isStackError } from '@llama-stack/api'
import { OutcomeWindow } from '../reliability/outcome-window.ts'

/** What an outcome was learned from: a client's call, a list of models, or a question that was asked for its own sake. */
export type Evidence = 'traffic' | 'listing' | 'probe'

/** `unknown`: nothing was asked yet. */
export type ProviderState = 'unknown' | 'well' | 'failing'

/** Why a provider failed, and what can be done about it. */
export interface HealthFailure {
  /** Of the error table; undefined where the provider gave its own words only. */
  readonly code?: string
  readonly message: string
  readonly fix?: string
}

/** A failure and its time, in milliseconds since the epoch. */
export type NotedFailure = HealthFailure & { readonly atMs: number }

/** What is known of one provider now. */
export interface HealthSnapshot {
  readonly state: ProviderState
  /** Since when it is in this state; milliseconds since the epoch. */
  readonly sinceMs: number | undefined
  readonly heardAtMs: number | undefined
  readonly heardBy: Evidence | undefined
  /** The last one, however well the provider has been since. */
  readonly lastFailure: NotedFailure | undefined
  readonly window: { readonly windowMs: number; readonly calls: number; readonly failures: number }
}

const WINDOW_MS = 300_000

/** So many failures in a row are more than bad luck, whatever came before them. */
const TOO_MANY_IN_A_ROW = 5

export class ProviderHealthRecord {
  readonly #clock: Clock
  readonly #window = new OutcomeWindow(WINDOW_MS)
  #state: ProviderState = 'unknown'
  #sinceMs: number | undefined
  #failuresInARow = 0
  #heardMs: number | undefined
  #heardBy: Evidence | undefined
  #lastFailure: NotedFailure | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Notes an answer. It is part of every call: nothing is allocated. */
  succeed(by: Evidence, nowMs = this.#clock.monotonic()): void {
    this.#hear(by, nowMs)
    this.#window.note(false, nowMs)
    this.#failuresInARow = 0
    if (this.#state !== 'well') this.#turn('well')
  }

  /** Notes a failure of the provider's own. One among many good answers does not make it a failing one. */
  fail(by: Evidence, failure: HealthFailure, nowMs = this.#clock.monotonic()): void {
    this.#hear(by, nowMs)
    this.#window.note(true, nowMs)
    this.#failuresInARow += 1
    this.#lastFailure = { ...failure, atMs: this.#clock.now() }
    const { calls, failures } = this.#window.count(nowMs)
    const isFailing = this.#failuresInARow >= TOO_MANY_IN_A_ROW || 2 * failures >= calls
    if (isFailing && this.#state !== 'failing') this.#turn('failing')
  }

  /** How long nothing was heard; infinite where nothing ever was. */
  silentForMs(): number {
    return this.#heardMs === undefined ? Infinity : this.#clock.monotonic() - this.#heardMs
  }

  look(): HealthSnapshot {
    const silentForMs = this.silentForMs()
    return {
      state: this.#state,
      sinceMs: this.#sinceMs,
      heardAtMs: this.#heardMs === undefined ? undefined : this.#clock.now() - silentForMs,
      heardBy: this.#heardBy,
      lastFailure: this.#lastFailure,
      window: { windowMs: WINDOW_MS, ...this.#window.count(this.#clock.monotonic()) },
    }
  }

  #hear(by: Evidence, nowMs: number): void {
    this.#heardMs = nowMs
    this.#heardBy = by
  }

  #turn(to: ProviderState): void {
    this.#state = to
    this.#sinceMs = this.#clock.now()
  }
}

/** The records of all providers, by their ids. */
export class ProviderHealthBook {
  readonly #clock: Clock
  readonly #records = new Map<string, ProviderHealthRecord>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get(providerId: string): ProviderHealthRecord {
    const known = this.#records.get(providerId)
    if (known !== undefined) return known
    const record = new ProviderHealthRecord(this.#clock)
    this.#records.set(providerId, record)
    return record
  }
}

/** A failure as it is shown: what happened apart from what to do. */
export function toHealthFailure(error: unknown): HealthFailure {
  if (!isStackError(error)) return { message: error instanceof Error ? error.message : String(error) }
  const { code, message, fix } = error
  if (fix === undefined) return { code, message }
  return { code, message: message.endsWith(fix) ? message.slice(0, -fix.length).trimEnd() : message, fix }
}
