/** The exchanges that are under way. */
import type { Exchange } from './exchange.ts'

/**
 * A set of exchanges whose members know their own place.
 *
 * It is no `Set`, because one that many members pass through is copied every few dozen of them, and V8 links each copy to the
 * next with the members it had: once one copy is old, all later ones are kept with everything that the exchanges hold until
 * the next full collection. Measured: 6 of the 30 KB that a chat allocates were moved to the old generation that way.
 */
export class ExchangeList implements Iterable<Exchange> {
  readonly #members: Exchange[] = []

  get size(): number {
    return this.#members.length
  }

  /** Adds an exchange that is not in the list. */
  add(exchange: Exchange): void {
    exchange.place = this.#members.length
    this.#members.push(exchange)
  }

  /** Takes an exchange out; one that is not in the list changes nothing. */
  delete(exchange: Exchange): void {
    const { place } = exchange
    if (place === undefined) return
    exchange.place = undefined
    const last = this.#members.pop()
    if (last === undefined || last === exchange) return
    this.#members[place] = last
    last.place = place
  }

  /** A copy is walked, so that members may leave meanwhile. */
  [Symbol.iterator](): Iterator<Exchange> {
    return [...this.#members].values()
  }
}
