/** The response that a stream of events amounts to, put together as a client would: from the pieces, not from the end. */
import { asText } from '../kernel/json-record.ts'

type Fields = Record<string, unknown>

/** What a client knows after the events: the items, from added to done, and the response of the last snapshot. */
export interface FoldedResponse {
  /** The last response object that was told, with the items that the events told of. */
  readonly response: Readonly<Fields>
  /** Items of which nobody said that they were done. */
  readonly open: readonly unknown[]
}

/** Folds events. Throws where they contradict themselves: gaps, wrong indexes, deltas that do not add up to their end. */
export function foldResponseEvents(events: readonly Readonly<Fields>[]): FoldedResponse {
  const fold = new Fold()
  for (const [index, event] of events.entries()) {
    expectEqual(event['sequence_number'], Number(events[0]?.['sequence_number'] ?? 0) + index, 'sequence_number')
    fold.take(event)
  }
  return { response: { ...fold.response, output: fold.items }, open: fold.open }
}

class Fold {
  response: Fields = {}
  readonly items: Fields[] = []
  readonly #done = new Set<number>()

  get open(): readonly unknown[] {
    return this.items.filter((_, index) => !this.#done.has(index))
  }

  take(event: Readonly<Fields>): void {
    const type = String(event['type'])
    if (isObject(event['response'])) {
      this.response = structuredClone(event['response'])
      return
    }
    if (type === 'response.output_item.added') this.#add(event)
    else if (type === 'response.output_item.done') this.#finish(event)
    else if (type.startsWith('response.')) this.#change(type, event)
  }

  #add(event: Readonly<Fields>): void {
    expectEqual(event['output_index'], this.items.length, 'output_index of an added item')
    this.items.push(structuredClone(event['item']) as Fields)
  }

  #finish(event: Readonly<Fields>): void {
    const index = Number(event['output_index'])
    if (this.#done.has(index)) throw new Error(`item ${index} is done twice`)
    this.#done.add(index)
    const told = event['item'] as Fields
    const folded = this.items[index] ?? {}
    expectEqual(told['id'], folded['id'], 'id of a finished item')
    for (const key of ['content', 'summary', 'arguments', 'input']) {
      if (key in told) expectEqual(told[key], folded[key], `${key} of ${String(told['type'])}`)
    }
    this.items[index] = structuredClone(told)
  }

  #change(type: string, event: Readonly<Fields>): void {
    const item = this.items[Number(event['output_index'])]
    if (item === undefined) throw new Error(`${type} is about an item that was not added`)
    expectEqual(event['item_id'], item['id'], `item_id of ${type}`)
    if (this.#done.has(Number(event['output_index']))) throw new Error(`${type} is about an item that is done`)
    const list = ('summary_index' in event ? item['summary'] : item['content']) as Fields[] | undefined
    const at = Number(event['summary_index'] ?? event['content_index'])
    if (type.endsWith('_part.added')) {
      expectEqual(at, list?.length, `index of ${type}`)
      list?.push(structuredClone(event['part']) as Fields)
    } else if (type === 'response.output_text.annotation.added') {
      const annotations = list?.[at]?.['annotations']
      if (Array.isArray(annotations)) annotations.push(event['annotation'])
    } else this.#changeText(type, event, { item, part: list?.[at] })
  }

  #changeText(type: string, event: Readonly<Fields>, { item, part }: { item: Fields; part: Fields | undefined }): void {
    const argument = type.includes('custom_tool_call_input') ? 'input' : 'arguments'
    const owner = part ?? item
    const member = part === undefined ? argument : part['type'] === 'refusal' ? 'refusal' : 'text'
    if (type.endsWith('.delta')) {
      owner[member] = asText(owner[member]) + asText(event['delta'])
      if (Array.isArray(event['logprobs'])) (owner['logprobs'] as unknown[]).push(...event['logprobs'])
    } else if (type.endsWith('_part.done')) expectEqual(event['part'], part, type)
    else if (type.endsWith('_arguments.done')) item[member] = event[member]
    else if (type.endsWith('.done')) expectEqual(event[member], owner[member], type)
  }
}

function isObject(of: unknown): of is Fields {
  return typeof of === 'object' && of !== null
}

function expectEqual(actual: unknown, expected: unknown, what: string): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (a !== b) throw new Error(`${what}: ${a} was told, ${b} follows from the events`)
}
