/** How long calls to one target take: an average that forgets, scaled by how many are under way (Peak EWMA). */

/** Half of what is known is forgotten in this time, so that a target that was slow once is tried again. */
const HALF_LIFE_MS = 15_000

export class Latency {
  /** Calls under way. */
  inFlight = 0
  #averageMs = 0
  #measuredAtMs = 0

  note(tookMs: number, nowMs: number): void {
    const known = this.#averageMs === 0 ? 0 : this.#keep(nowMs)
    this.#averageMs = known * this.#averageMs + (1 - known) * tookMs
    this.#measuredAtMs = nowMs
  }

  /** Milliseconds that one more call may be expected to take; 0 before the first measurement. */
  expectedMs(nowMs: number): number {
    return this.#averageMs * 2 ** (-(nowMs - this.#measuredAtMs) / HALF_LIFE_MS) * (this.inFlight + 1)
  }

  /** How much of the average stays when a call is noted now: less, the longer ago the last one was. */
  #keep(nowMs: number): number {
    return 0.9 * 2 ** (-(nowMs - this.#measuredAtMs) / HALF_LIFE_MS)
  }
}
