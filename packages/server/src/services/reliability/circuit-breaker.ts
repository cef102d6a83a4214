/**
 * Leaves a target alone that keeps failing, and asks it again with one call at a time: a probe. Its caller passes the time.
 */
import { OutcomeWindow } from './outcome-window.ts'

/** When a breaker opens, and for how long. */
export interface BreakerPolicy {
  /** This many failures in a row open it. */
  readonly failures: number
  /** So does this share of failures, from 0 to 1, … */
  readonly failureRate: number
  /** … of at least this many calls … */
  readonly minCalls: number
  /** … within this time. */
  readonly windowMs: number
  /** How long it stays open at first; each probe that fails doubles it. */
  readonly openMs: number
  readonly maxOpenMs: number
}

/**
 * The leave to make one call. What the call comes to counts only while the breaker is in the state that gave it: a call that
 * began before the breaker opened says nothing about the target now.
 */
export type Permit = number

export type BreakerState = 'closed' | 'open' | 'half-open'

/** Shown while a probe is under way: nobody knows how long it takes. */
const PROBING_MS = 1000

export class CircuitBreaker {
  readonly #policy: BreakerPolicy
  readonly #window: OutcomeWindow
  #state: BreakerState = 'closed'
  /** Grows with each change of the state. */
  #era: Permit = 0
  #failuresInARow = 0
  #openForMs: number
  #openUntilMs = 0

  constructor(policy: BreakerPolicy) {
    this.#policy = policy
    this.#window = new OutcomeWindow(policy.windowMs)
    this.#openForMs = policy.openMs
  }

  get state(): BreakerState {
    return this.#state
  }

  /** Whether {@link enter} would give a permit. */
  admits(nowMs: number): boolean {
    return this.#state === 'closed' || (this.#state === 'open' && nowMs >= this.#openUntilMs)
  }

  /** Asks for a permit. Each has to be given back with `succeed`, `fail` or `leave`. Undefined: the target is left alone. */
  enter(nowMs: number): Permit | undefined {
    if (this.#state === 'closed') return this.#era
    if (!this.admits(nowMs)) return undefined
    this.#turn('half-open')
    return this.#era
  }

  succeed(permit: Permit, nowMs: number): void {
    if (permit !== this.#era) return
    if (this.#state === 'closed') {
      this.#failuresInARow = 0
      this.#window.note(false, nowMs)
      return
    }
    this.#turn('closed')
    this.#failuresInARow = 0
    this.#openForMs = this.#policy.openMs
    this.#window.clear()
  }

  fail(permit: Permit, nowMs: number): void {
    if (permit !== this.#era) return
    if (this.#state === 'half-open') {
      this.#openForMs = Math.min(this.#openForMs * 2, this.#policy.maxOpenMs)
      this.#open(nowMs)
      return
    }
    this.#failuresInARow += 1
    this.#window.note(true, nowMs)
    if (this.#isTooMuch(nowMs)) this.#open(nowMs)
  }

  /** The call ended without saying anything about the target: its caller left, or the caller's own request was wrong. */
  leave(permit: Permit): void {
    if (permit === this.#era && this.#state === 'half-open') this.#turn('open')
  }

  /** How long until a call may be made. */
  retryAfterMs(nowMs: number): number {
    if (this.#state === 'closed') return 0
    return this.#state === 'open' ? Math.max(0, this.#openUntilMs - nowMs) : PROBING_MS
  }

  #isTooMuch(nowMs: number): boolean {
    const { failures, failureRate, minCalls } = this.#policy
    if (this.#failuresInARow >= failures) return true
    const counted = this.#window.count(nowMs)
    return counted.calls >= minCalls && counted.failures >= failureRate * counted.calls
  }

  #open(nowMs: number): void {
    this.#turn('open')
    this.#openUntilMs = nowMs + this.#openForMs
  }

  #turn(to: BreakerState): void {
    this.#state = to
    this.#era += 1
  }
}
