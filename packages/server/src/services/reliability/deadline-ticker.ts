/** Ends what takes too long. One coarse timer for all calls, which runs only while there are any. */
import type { Clock } from '@llama-stack/api'
import { PlacedList } from '../../kernel/placed-list.ts'
import type { Placed } from '../../kernel/placed-list.ts'

/** What may take too long. */
export interface Overdue extends Placed {
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
  readonly #members = new PlacedList<Overdue>()
  #timer: NodeJS.Timeout | undefined

  /** Its members are late by at most a twentieth of the deadline. */
  constructor(clock: Clock, deadlineMs: number) {
    this.#clock = clock
    this.#tickMs = Math.min(Math.max(deadlineMs / 20, MIN_TICK_MS), MAX_TICK_MS)
  }

  /** Watches over a member that is in no list. */
  add(member: Overdue): void {
    this.#members.add(member)
    this.#timer ??= setInterval(() => this.#tick(), this.#tickMs).unref()
  }

  /** Lets a member go; one that is not watched over changes nothing. */
  delete(member: Overdue): void {
    this.#members.delete(member)
  }

  #tick(): void {
    const nowMs = this.#clock.monotonic()
    for (const member of this.#members) {
      // One that expires may take others along.
      if (member.dueMs > nowMs || member.place === undefined) continue
      this.delete(member)
      member.expire()
    }
    if (this.#members.size === 0) this[Symbol.dispose]()
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
