/** What stored chat completions are asked for with: path, query and body of their routes. */
import * as z from 'zod'
import { cursorQuery } from '../wire/paging.ts'

export const ChatCompletionId = z.object({ completion_id: z.string() })

export const ChatCompletionQuery = z.looseObject({
  ...cursorQuery,
  model: z.string().optional().describe('Only completions of this model.'),
  metadata: z.record(z.string(), z.string()).optional().describe('Only completions with these metadata values.'),
})

export const ChatCompletionUpdate = z.looseObject({
  metadata: z.record(z.string().max(64), z.string().max(512)).nullable().describe('At most 16 pairs; null clears.'),
})

export const ChatMessageQuery = z.looseObject({ ...cursorQuery, order: z.enum(['asc', 'desc']).default('asc') })
