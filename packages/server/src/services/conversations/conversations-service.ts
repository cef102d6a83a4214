/** Conversations: items in the order in which they were said, kept as they were rendered. */
import { StackError, value } from '@llama-stack/api'
import type {
  CallContext,
  Clock,
  Conversation,
  Conversations,
  InputItem,
  ItemPage,
  ItemResource,
  ResponseInclude,
} from '@llama-stack/api'
import type { Ids } from '../../kernel/ids.ts'
import type { ConversationRepository, ConversationRow, NewConversationItem } from '../../storage/agent-state.ts'
import type { Storage } from '../../storage/storage.ts'
import { withIncluded } from '../responses/include-fields.ts'
import { toKeptItem } from '../responses/kept-item.ts'
import { refuseTooManyPairs } from '../responses/metadata-pairs.ts'

/** What conversations are made with. */
export interface ConversationsOptions {
  readonly storage: Pick<Storage, 'conversations'>
  readonly clock: Clock
  readonly ids: Ids
}

/** Creates the service behind `/v1/conversations`. */
export function createConversationsService({ storage, clock, ids }: ConversationsOptions): Conversations {
  const repository = (context: CallContext): ConversationRepository => storage.conversations(context.principal)
  return {
    async createConversation({ metadata, items }, context) {
      refuseTooManyPairs(metadata)
      const nowMs = clock.now()
      const row = { id: ids.hex('conv_', nowMs), createdAtMs: nowMs, metadata: metadata ?? {} }
      await repository(context).insert(row, (items ?? []).map(toNewItem(ids)))
      return value(toConversation(row))
    },
    async retrieveConversation({ conversation_id: id }, context) {
      return value(toConversation(await getConversation(repository(context), id)))
    },
    async updateConversation({ conversation_id: id, metadata }, context) {
      refuseTooManyPairs(metadata)
      const conversations = repository(context)
      if (!(await conversations.updateMetadata(id, metadata ?? {}))) throw notFound(id)
      return value(toConversation(await getConversation(conversations, id)))
    },
    async deleteConversation({ conversation_id: id }, context) {
      if (!(await repository(context).delete(id))) throw notFound(id)
      return value({ id, object: 'conversation.deleted', deleted: true })
    },
    ...createItemOperations(repository, ids),
  }
}

type ItemOperations = Pick<
  Conversations,
  'createConversationItems' | 'listConversationItems' | 'retrieveConversationItem' | 'deleteConversationItem'
>

function createItemOperations(repository: (context: CallContext) => ConversationRepository, ids: Ids): ItemOperations {
  return {
    async createConversationItems({ conversation_id: id, items, include = [] }, context) {
      const added = items.map(toNewItem(ids))
      if (!(await repository(context).addItems(id, added))) throw notFound(id)
      return value(
        toPage(
          added.map(({ item }) => toShown(item, include)),
          false,
        ),
      )
    },
    async listConversationItems({ conversation_id: id, after, limit, order, include = [] }, context) {
      const conversations = repository(context)
      await getConversation(conversations, id)
      const { rows, hasMore } = await conversations.listItems(id, { after, limit, order })
      return value(
        toPage(
          rows.map(({ item }) => toShown(item, include)),
          hasMore,
        ),
      )
    },
    async retrieveConversationItem({ conversation_id: id, item_id: itemId, include = [] }, context) {
      const conversations = repository(context)
      const item = await conversations.findItem(id, itemId)
      if (item === undefined) throw await itemNotFound(conversations, id, itemId)
      return value(toShown(item, include))
    },
    async deleteConversationItem({ conversation_id: id, item_id: itemId }, context) {
      const conversations = repository(context)
      if (!(await conversations.deleteItem(id, itemId))) throw await itemNotFound(conversations, id, itemId)
      return value(toConversation(await getConversation(conversations, id)))
    },
  }
}

async function getConversation(conversations: ConversationRepository, id: string): Promise<ConversationRow> {
  const row = await conversations.find(id)
  if (row === undefined) throw notFound(id)
  return row
}

function notFound(id: string): StackError {
  return new StackError('conversation_not_found', { id })
}

async function itemNotFound(conversations: ConversationRepository, id: string, itemId: string): Promise<StackError> {
  await getConversation(conversations, id)
  return new StackError('item_not_found', { id: itemId, conversation: id })
}

function toNewItem(ids: Ids): (item: InputItem, index: number) => NewConversationItem {
  return (item, index) => {
    const kept = toKeptItem(item, `items[${index}]`, ids)
    return { id: kept.id, item: JSON.stringify(kept) }
  }
}

/** What the store gives back is what we gave it. */
function toShown(text: string, include: readonly ResponseInclude[]): ItemResource {
  return withIncluded(JSON.parse(text) as ItemResource, include)
}

function toConversation({ id, createdAtMs, metadata }: ConversationRow): Conversation {
  return { id, object: 'conversation', created_at: Math.floor(createdAtMs / 1000), metadata: { ...metadata } }
}

function toPage(data: ItemResource[], hasMore: boolean): ItemPage {
  const [first, last] = [data[0]?.id ?? null, data.at(-1)?.id ?? null]
  return { object: 'list', data, first_id: first, last_id: last, has_more: hasMore }
}
