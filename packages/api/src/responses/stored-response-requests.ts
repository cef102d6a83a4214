/** What stored responses are asked for with: path and query of their routes. */
import * as z from 'zod'
import { cursorQuery } from '../wire/paging.ts'
import { ResponseInclude } from './request.ts'

const include = z.array(ResponseInclude).optional().describe('Further data to return; `include[]` is understood too.')

export const ResponseId = z.object({ response_id: z.string() })

export const ResponseQuery = z.looseObject({
  ...cursorQuery,
  limit: z.coerce.number().int().min(1).max(100).default(50).describe('How many responses to return: 1 to 100.'),
  model: z.string().optional().describe('Only responses of this model.'),
})

export const RetrieveResponseQuery = z.looseObject({
  include,
  stream: z
    .boolean()
    .optional()
    .describe('Whether to replay the events, and then to follow those that are still made.'),
  starting_after: z.int().min(0).optional().describe('Replay only the events after this sequence number.'),
  include_obfuscation: z
    .boolean()
    .optional()
    .describe('Whether the deltas of the replay are padded. Default: as they were when they were told first.'),
})

export const InputItemQuery = z.looseObject({
  ...cursorQuery,
  before: z.string().optional().describe('Return what comes before the item with this id.'),
  include,
})
