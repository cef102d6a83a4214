/**
 * Ids of the items of one response.
 *
 * Each carries the random part of its response's id, so that an item can be found by its id alone, without an index: clients
 * refer to items of earlier responses by nothing else.
 */
import { itemPrefix } from './item-ids.ts'
import type { ItemType } from './item-ids.ts'

export interface ItemIds {
  /** The id of the next item, which is of this type. */
  next(type: ItemType): string
  /** The same, for what the prefix of its type is known of. */
  after(prefix: string): string
  /** How many were given. */
  readonly given: number
}

const RESPONSE_PREFIX = 'resp_'
const COUNTER_DIGITS = 3

/** Ids for a response, after so many that it has already. */
export function createItemIds(responseId: string, given = 0): ItemIds {
  const own = responseId.slice(RESPONSE_PREFIX.length)
  let count = given
  const after = (prefix: string): string => {
    count += 1
    return prefix + own + count.toString(36).padStart(COUNTER_DIGITS, '0')
  }
  return {
    next: (type) => after(itemPrefix(type)),
    after,
    get given() {
      return count
    },
  }
}

/** The number that an id was given; 0 for one of another making. */
export function numberOf(itemId: string): number {
  const [, counter] = /^[a-z]+_[0-9a-f]{48}(\w{3,})$/.exec(itemId) ?? []
  return counter === undefined ? 0 : Number.parseInt(counter, 36)
}

/** The response that an item of this id can be of. */
export function responseIdOf(itemId: string): string | undefined {
  const [, own] = /^[a-z]+_([0-9a-f]{48})\w{3,}$/.exec(itemId) ?? []
  return own === undefined ? undefined : RESPONSE_PREFIX + own
}
