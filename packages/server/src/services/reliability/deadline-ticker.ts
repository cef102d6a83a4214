/** Ends what takes too long. One coarse timer for all calls, which runs only while there are any. */
import type { Clock } from '@llama-stack/api'

/** What may take too long. */
export interface Overdue {
  /** Monotonic milliseconds. */
  readonly dueMs: number
  /** Called once, at that time or a little later. */
  expire(): void
}

const MIN_TICK_MS = 10
const MAX_TICK_MS = 1000

export class DeadlineTicker implements Disposable {
  readonly #clock: Clock
  readonly #tickMs: number
  readonly #members = new Set<Overdue>()
  #timer: NodeJS.Timeout | undefined

  /** Its members are late by at most a twentieth of the deadline. */
  constructor(clock: Clock, deadlineMs: number) {
    this.#clock = clock
    this.#tickMs = Math.min(Math.max(deadlineMs / 20, MIN_TICK_MS), MAX_TICK_MS)
  }

  add(member: Overdue): void {
    this.#members.add(member)
    this.#timer ??= setInterval(() => this.#tick(), this.#tickMs).unref()
  }

  delete(member: Overdue): void {
    this.#members.delete(member)
  }

  #tick(): void {
    const nowMs = this.#clock.monotonic()
    for (const member of this.#members) {
      if (member.dueMs > nowMs) continue
      this.#members.delete(member)
      member.expire()
    }
    if (this.#members.size === 0) this[Symbol.dispose]()
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
