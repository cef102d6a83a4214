/** Searches that the server makes: of the web, of files. */
import { toCutOff } from './cut-off-item.ts'
import type { Item, Output, Place } from './output.ts'

export class SearchWriter {
  readonly #output: Output
  readonly #item: Item
  readonly #place: Place

  /** The item says its query from the beginning. `restored` is where an earlier process began it. */
  constructor(output: Output, item: Item, restored?: Place) {
    this.#output = output
    this.#item = item
    if (restored !== undefined) {
      this.#place = restored
      return
    }
    const open = { abandon: () => this.cutOff() }
    this.#place = output.open({ ...item, status: 'in_progress' }, open)
    output.events.emit(`response.${item.type}.in_progress`, this.#place)
    output.events.emit(`response.${item.type}.searching`, this.#place)
  }

  /** Ends the search; `found` is what the item says of it. */
  close(status: 'completed' | 'failed', found: Readonly<Record<string, unknown>>): void {
    const { events } = this.#output
    // There is no event for a search that failed; the item says it.
    if (status === 'completed') events.emit(`response.${this.#item.type}.completed`, this.#place)
    this.#output.close(this.#place, { ...this.#item, ...found, status })
  }

  /** Ends the search where it stands, because the response ends. */
  cutOff(): void {
    this.#output.close(this.#place, toCutOff(this.#item))
  }
}

/** Tells of a finished search as if it were made now. */
export function replaySearch(output: Output, item: Item): void {
  const { status, ...rest } = item
  const writer = new SearchWriter(output, { ...rest, id: item.id, type: item.type })
  if (status === 'incomplete') writer.cutOff()
  else writer.close(status === 'failed' ? 'failed' : 'completed', {})
}
