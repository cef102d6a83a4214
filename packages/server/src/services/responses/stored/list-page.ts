/** A page of a list that is in memory. */
import { StackError } from '@llama-stack/api'
import type { ItemPage, ItemResource } from '@llama-stack/api'

export interface PageQuery {
  readonly after?: string | undefined
  readonly before?: string | undefined
  readonly limit: number
  readonly order: 'asc' | 'desc'
}

/** Cuts a page out of items that stand in the order in which they were said. */
export function toItemPage(items: readonly ItemResource[], query: PageQuery): ItemPage {
  const ordered = query.order === 'asc' ? items : items.toReversed()
  const from = query.after === undefined ? 0 : placeOf(ordered, query.after, 'after') + 1
  const to = query.before === undefined ? ordered.length : placeOf(ordered, query.before, 'before')
  const data = ordered.slice(from, Math.min(to, from + query.limit))
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: from + data.length < to,
  }
}

function placeOf(items: readonly ItemResource[], id: string, param: string): number {
  const place = items.findIndex((item) => item.id === id)
  if (place >= 0) return place
  throw new StackError('invalid_value', {
    param,
    problem: 'there is no item with this id in the list',
    value: JSON.stringify(id),
    fix: 'Send the id of an item of the page before.',
  })
}
