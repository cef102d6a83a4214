/** The output of one response while it grows: its items in their order, and the events that tell of them. */
import { bug } from '@llama-stack/api'
import type { EventWriter } from './event-writer.ts'

/** An item of the output. Its members are those of its kind on the wire. */
export interface Item {
  readonly id: string
  readonly type: string
  readonly [member: string]: unknown
}

/** An item that is not finished. Whoever opened it closes it. */
interface OpenItem {
  /** Ends the item where it stands. */
  abandon(): void
}

/** Where an item is in the output. */
export interface Place {
  readonly item_id: string
  readonly output_index: number
}

export class Output {
  readonly events: EventWriter
  readonly #items: (Item | undefined)[] = []
  readonly #open = new Map<number, OpenItem>()

  constructor(events: EventWriter) {
    this.events = events
  }

  /** The finished items, in the order in which they were begun. */
  get items(): readonly Item[] {
    return this.#items.filter((item) => item !== undefined)
  }

  /** Begins an item, as it is before anything of it is known. */
  open(item: Item, as: OpenItem): Place {
    const place = { item_id: item.id, output_index: this.#items.push(undefined) - 1 }
    this.#open.set(place.output_index, as)
    this.events.emit('response.output_item.added', { output_index: place.output_index, item })
    return place
  }

  /** Finishes an item: what is given is what the response has of it for ever. */
  close({ output_index: index }: Place, item: Item): void {
    if (!this.#open.delete(index)) bug(`item ${item.id} is closed twice`)
    this.#items[index] = item
    this.events.emit('response.output_item.done', { output_index: index, item })
  }

  /** Ends whatever is open, in its order, because the run ends. */
  abandonOpen(): void {
    for (const [, open] of [...this.#open].sort(([a], [b]) => a - b)) open.abandon()
  }

  /** Takes in an item that an earlier process finished or began; nobody is told, for it was told. */
  restore(item: Item, open?: OpenItem): Place {
    const index = this.#items.push(open === undefined ? item : undefined) - 1
    if (open !== undefined) this.#open.set(index, open)
    return { item_id: item.id, output_index: index }
  }
}
