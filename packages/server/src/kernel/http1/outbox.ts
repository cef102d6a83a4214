/**
 * Requests that leave together.
 *
 * A write wakes the process or the card on the other side, which on a busy server costs more than the write itself. Calls
 * that come up within one turn of the event loop are therefore written one after the other at its end: the first wakes the
 * receiver and the others find it awake. Nothing is delayed by a timer; an idle server's turn ends at once.
 */

/** Something that has a request to write. */
export interface Sender {
  /** Writes the request, unless it has been given up meanwhile. */
  flush(): void
}

export class Outbox {
  #waiting: Sender[] = []

  /** Has the sender write at the end of this turn. */
  add(sender: Sender): void {
    if (this.#waiting.push(sender) === 1) setImmediate(() => this.#flush())
  }

  #flush(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const sender of waiting) sender.flush()
  }
}
