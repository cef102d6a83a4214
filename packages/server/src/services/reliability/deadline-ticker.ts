/** Ends what takes too long. One coarse timer for all calls, which runs only while there are any. */
import type { Clock } from '@llama-stack/api'

/** What may take too long. */
export interface Overdue {
  /** Monotonic milliseconds. */
  readonly dueMs: number
  /** Where it stands in the list of the ticker, which alone writes it; undefined while it is in none. */
  place: number | undefined
  /** Called once, at that time or a little later. */
  expire(): void
}

const MIN_TICK_MS = 10
const MAX_TICK_MS = 1000

export class DeadlineTicker implements Disposable {
  readonly #clock: Clock
  readonly #tickMs: number
  /** No `Set`: its tables keep members that left (docs/decisions/0008-fast-lane.md). */
  readonly #members: Overdue[] = []
  #timer: NodeJS.Timeout | undefined

  /** Its members are late by at most a twentieth of the deadline. */
  constructor(clock: Clock, deadlineMs: number) {
    this.#clock = clock
    this.#tickMs = Math.min(Math.max(deadlineMs / 20, MIN_TICK_MS), MAX_TICK_MS)
  }

  /** Watches over a member that is in no list. */
  add(member: Overdue): void {
    member.place = this.#members.length
    this.#members.push(member)
    this.#timer ??= setInterval(() => this.#tick(), this.#tickMs).unref()
  }

  /** Lets a member go; one that is not watched over changes nothing. */
  delete(member: Overdue): void {
    const { place } = member
    if (place === undefined) return
    member.place = undefined
    const last = this.#members.pop()
    if (last === undefined || last === member) return
    this.#members[place] = last
    last.place = place
  }

  #tick(): void {
    const nowMs = this.#clock.monotonic()
    for (const member of this.#members.filter(({ dueMs }) => dueMs <= nowMs)) {
      this.delete(member)
      member.expire()
    }
    if (this.#members.length === 0) this[Symbol.dispose]()
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
