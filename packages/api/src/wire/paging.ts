/** OpenAI's cursor paging. */
import * as z from 'zod'

/** Query of a cursor list. `after` is the id of the last item that the client has. */
export const cursorQuery = {
  after: z.string().optional().describe('Return what comes after the item with this id.'),
  limit: z.coerce.number().int().min(1).max(100).default(20).describe('How many items to return: 1 to 100.'),
  order: z.enum(['asc', 'desc']).default('desc').describe('By time of creation.'),
}

/** The list object around the items of one page. */
export function cursorPage<Item extends z.ZodType>(item: Item) {
  return z.looseObject({
    object: z.literal('list'),
    data: z.array(item),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
    has_more: z.boolean(),
  })
}

/** A page as services build it. */
export interface CursorPage<Item> {
  object: 'list'
  data: Item[]
  first_id: string | null
  last_id: string | null
  has_more: boolean
}
