/** The output that an earlier process left behind: taken in as it was told, and what was cut off is ended. */
import { asText, isRecord } from '../../../kernel/json-record.ts'
import { toCutOff } from '../output/cut-off-item.ts'
import type { Item, Output, Place } from '../output/output.ts'
import type { TurnCall } from './turn-writer.ts'

/** An item as its events told it. */
export interface ToldItem {
  readonly item: Item
  readonly isDone: boolean
  /** Of a call: whether its arguments are told to be complete. */
  readonly isWritten: boolean
}

/**
 * The items that events told of, folded from what they added. Where nobody was told anything, they are those of the output
 * so far, as JSON texts.
 */
export function toToldItems(events: readonly string[], output: readonly string[]): ToldItem[] {
  if (events.length === 0)
    return output.map((text) => ({ item: JSON.parse(text) as Item, isDone: true, isWritten: true }))
  const told: ToldNow[] = []
  for (const json of events) {
    // Of our own making.
    const event = JSON.parse(json) as Readonly<Record<string, unknown>>
    const index = Number(event['output_index'])
    const known = told[index]
    if (event['type'] === 'response.output_item.added') told[index] = begin(event, false)
    else if (event['type'] === 'response.output_item.done') told[index] = begin(event, true)
    else if (known !== undefined) addTold(known, event)
  }
  return told
}

type ToldNow = { -readonly [Member in keyof ToldItem]: ToldItem[Member] }

function begin(event: Readonly<Record<string, unknown>>, isDone: boolean): ToldNow {
  return { item: event['item'] as Item, isDone, isWritten: isDone }
}

/** Pieces of text and arguments: an item that is cut off keeps what it had. */
function addTold(known: ToldNow, event: Readonly<Record<string, unknown>>): void {
  const type = String(event['type'])
  const list = known.item['summary_index' in event ? 'summary' : 'content']
  const at = Number(event['summary_index'] ?? event['content_index'])
  if (type.endsWith('_part.added') && Array.isArray(list)) list[at] = event['part']
  else if (type === 'response.output_text.annotation.added')
    addTo(list, { at, member: 'annotations' }, [event['annotation']])
  else if (type.endsWith('.delta')) {
    const part: unknown = Array.isArray(list) ? list[at] : undefined
    const owner: Record<string, unknown> = isRecord(part) ? part : (known.item as Record<string, unknown>)
    const member = memberOf(type, owner)
    owner[member] = asText(owner[member]) + asText(event['delta'])
    addTo(list, { at, member: 'logprobs' }, event['logprobs'])
  } else if (type.endsWith('_arguments.done') || type.endsWith('_input.done')) {
    const member = memberOf(type, {})
    known.item = { ...known.item, [member]: event[member] }
    known.isWritten = true
  }
}

/** Adds to a list of a part, where there is one. */
function addTo(parts: unknown, { at, member }: { at: number; member: string }, added: unknown): void {
  const part: unknown = Array.isArray(parts) ? parts[at] : undefined
  const list = isRecord(part) ? part[member] : undefined
  if (Array.isArray(list) && Array.isArray(added)) list.push(...(added as unknown[]))
}

function memberOf(type: string, owner: Readonly<Record<string, unknown>>): string {
  if (type.includes('custom_tool_call_input')) return 'input'
  if (type.includes('_arguments')) return 'arguments'
  return owner['type'] === 'refusal' ? 'refusal' : 'text'
}

/** Puts what was told back into the output. Open items that no call goes on with are ended where they stood. */
export function restoreOutput(
  told: readonly ToldItem[],
  output: Output,
  calls: readonly Pick<TurnCall, 'itemId'>[],
): ReadonlyMap<string, RestoredItem> {
  const restored = new Map<string, RestoredItem>()
  const cutOff: { place: Place; item: Item }[] = []
  for (const { item, isDone, isWritten } of told) {
    const goesOn = !isDone && calls.some(({ itemId }) => itemId === item.id)
    if (goesOn) {
      const place = output.restore(item, { abandon: () => output.close(place, toCutOff(item)) })
      restored.set(item.id, { item, place, isWritten })
      continue
    }
    const place = output.restore(item, isDone ? undefined : { abandon: () => undefined })
    if (isDone) restored.set(item.id, { item, place: undefined, isWritten })
    else cutOff.push({ place, item })
  }
  for (const { place, item } of cutOff) output.close(place, toCutOff(item))
  return restored
}

/** An item of a call: `place` is undefined where the item is done. */
export interface RestoredItem extends Pick<ToldItem, 'item' | 'isWritten'> {
  readonly place: Place | undefined
}
