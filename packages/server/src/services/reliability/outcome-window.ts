/** How many calls of the last while failed, in a ring of counters: noting one allocates nothing. */

const SLOTS = 10

export class OutcomeWindow {
  readonly #slotMs: number
  readonly #calls = new Uint32Array(SLOTS)
  readonly #failures = new Uint32Array(SLOTS)
  /** The time of the newest slot, counted in slots. */
  #newest = 0

  constructor(windowMs: number) {
    this.#slotMs = windowMs / SLOTS
  }

  note(failed: boolean, nowMs: number): void {
    const slot = this.#turnTo(nowMs)
    // The slot is inside the ring.
    this.#calls[slot] = (this.#calls[slot] as number) + 1
    if (failed) this.#failures[slot] = (this.#failures[slot] as number) + 1
  }

  /** Calls and failures of the window that ends now. */
  count(nowMs: number): { readonly calls: number; readonly failures: number } {
    this.#turnTo(nowMs)
    return { calls: sum(this.#calls), failures: sum(this.#failures) }
  }

  clear(): void {
    this.#calls.fill(0)
    this.#failures.fill(0)
  }

  /** Empties the slots whose time has passed and gives the index of the present one. */
  #turnTo(nowMs: number): number {
    const present = Math.floor(nowMs / this.#slotMs)
    const passed = present - this.#newest
    if (passed > 0) {
      for (let step = 1; step <= Math.min(passed, SLOTS); step += 1) {
        const slot = (this.#newest + step) % SLOTS
        this.#calls[slot] = 0
        this.#failures[slot] = 0
      }
      if (passed >= SLOTS) this.clear()
      this.#newest = present
    }
    return this.#newest % SLOTS
  }
}

function sum(of: Uint32Array): number {
  let total = 0
  for (const count of of) total += count
  return total
}
