/** The tools that an MCP server offers, as an item of the output. */
import { CUT_OFF } from './cut-off-item.ts'
import type { Item, Output, Place } from './output.ts'

export class ToolListWriter {
  readonly #output: Output
  readonly #item: Item
  readonly #place: Place

  constructor(output: Output, start: { readonly id: string; readonly serverLabel: string }) {
    this.#output = output
    this.#item = { id: start.id, type: 'mcp_list_tools', server_label: start.serverLabel, tools: [] }
    this.#place = output.open(this.#item, { abandon: () => this.fail(CUT_OFF) })
    output.events.emit('response.mcp_list_tools.in_progress', this.#place)
  }

  close(tools: readonly object[]): void {
    this.#output.events.emit('response.mcp_list_tools.completed', this.#place)
    this.#output.close(this.#place, { ...this.#item, tools })
  }

  /** The run goes on without the server's tools; the item says why. */
  fail(error: string): void {
    this.#output.events.emit('response.mcp_list_tools.failed', this.#place)
    this.#output.close(this.#place, { ...this.#item, error })
  }
}

/** Tells of a finished list as if it came in now. */
export function replayToolList(output: Output, item: Item): void {
  const writer = new ToolListWriter(output, { id: item.id, serverLabel: String(item['server_label']) })
  if (typeof item['error'] === 'string') writer.fail(item['error'])
  else writer.close(Array.isArray(item['tools']) ? (item['tools'] as readonly object[]) : [])
}
