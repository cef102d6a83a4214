/** Conversations and what they are asked for with, as OpenAI's document has them. */
import * as z from 'zod'
import { cursorQuery } from '../wire/paging.ts'
import { InputItem } from '../responses/items.ts'
import { ResponseInclude, ResponseMetadata } from '../responses/request.ts'

export const Conversation = z
  .looseObject({
    id: z.string(),
    object: z.literal('conversation'),
    created_at: z.int().describe('Unix time in seconds.'),
    metadata: z.record(z.string(), z.string()),
  })
  .meta({ id: 'Conversation' })
export type Conversation = z.infer<typeof Conversation>

export const ConversationDeleted = z.looseObject({
  id: z.string(),
  object: z.literal('conversation.deleted'),
  deleted: z.literal(true),
})
export type ConversationDeleted = z.infer<typeof ConversationDeleted>

export const CreateConversationRequest = z
  .looseObject({
    metadata: ResponseMetadata.nullish().describe('At most 16 pairs.'),
    items: z.array(InputItem).max(20).nullish().describe('What the conversation begins with: at most 20 items.'),
  })
  .meta({ id: 'CreateConversationRequest' })
export type CreateConversationRequest = z.infer<typeof CreateConversationRequest>

export const UpdateConversationRequest = z
  .looseObject({ metadata: ResponseMetadata.nullable().describe('Replaces the metadata; null clears it.') })
  .meta({ id: 'UpdateConversationRequest' })
export type UpdateConversationRequest = z.infer<typeof UpdateConversationRequest>

export const CreateConversationItemsRequest = z
  .looseObject({ items: z.array(InputItem).min(1).max(20).describe('1 to 20 items, in their order.') })
  .meta({ id: 'CreateConversationItemsRequest' })
export type CreateConversationItemsRequest = z.infer<typeof CreateConversationItemsRequest>

export const ConversationId = z.object({ conversation_id: z.string() })

export const ConversationItemId = z.object({ conversation_id: z.string(), item_id: z.string() })

const include = z.array(ResponseInclude).optional().describe('Further data to return; `include[]` is understood too.')

/** Not loose: it stands beside a body, whose fields a name in the query must not replace. */
export const ConversationItemInclude = z.object({ include })

export const ConversationItemQuery = z.looseObject({ ...cursorQuery, include })
