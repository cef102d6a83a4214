/**
 * Messages that leave together.
 *
 * A write wakes the process or the card on the other side, which on a busy server costs more than the write itself. What
 * comes up within one turn of the event loop is therefore written at its end, one socket after the other: the first write
 * wakes the receiver and the others find it awake. Nothing is delayed by a timer; an idle server's turn ends at once.
 */

/** Something that has bytes to write. */
export interface Sender {
  /** Writes what is there, unless it has been given up meanwhile. */
  flush(): void
}

export class Outbox {
  #waiting: Sender[] = []

  /** Has the sender write at the end of this turn. It is to be added once per turn. */
  add(sender: Sender): void {
    if (this.#waiting.push(sender) === 1) setImmediate(() => this.#flush())
  }

  #flush(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const sender of waiting) sender.flush()
  }
}
