/** The stored chat completions: bytes in the store, OpenAI's objects at the edge. */
import { StackError, value } from '@llama-stack/api'
import type { CallContext, Inference, StoredChatCompletion, StoredChatMessage } from '@llama-stack/api'
import { createSseParser } from '../../kernel/sse.ts'
import type { ChatCompletionRepository, ChatCompletionRow, Storage } from '../../storage/storage.ts'
import { refuseTooManyPairs } from '../responses/metadata-pairs.ts'
import { foldChatChunks } from './fold-chunks.ts'

type StoredOperations = Pick<
  Inference,
  | 'listChatCompletions'
  | 'retrieveChatCompletion'
  | 'updateChatCompletion'
  | 'deleteChatCompletion'
  | 'listChatCompletionMessages'
>

/** Creates the operations on what was stored. They answer `store_disabled` where nothing ever is. */
export function createStoredCompletions(options: {
  readonly storage: Storage
  readonly storesCompletions: boolean
}): StoredOperations {
  const repository = (context: CallContext): ChatCompletionRepository => {
    if (!options.storesCompletions) throw new StackError('store_disabled', { what: 'Chat completions' })
    return options.storage.chatCompletions(context.principal)
  }
  const get = async (id: string, context: CallContext): Promise<ChatCompletionRow> => {
    const row = await repository(context).find(id)
    if (row === undefined) throw new StackError('completion_not_found', { id })
    return row
  }
  return {
    async listChatCompletions({ after, limit, order, model, metadata }, context) {
      const page = await repository(context).list({ after, limit, order, model, metadata })
      return value(toPage(page.rows.map(toStored), page.hasMore))
    },
    async retrieveChatCompletion({ completion_id: id }, context) {
      return value(toStored(await get(id, context)))
    },
    async updateChatCompletion({ completion_id: id, metadata }, context) {
      refuseTooManyPairs(metadata)
      if (!(await repository(context).updateMetadata(id, metadata)))
        throw new StackError('completion_not_found', { id })
      return value(toStored(await get(id, context)))
    },
    async deleteChatCompletion({ completion_id: id }, context) {
      if (!(await repository(context).delete(id))) throw new StackError('completion_not_found', { id })
      return value({ object: 'chat.completion.deleted', id, deleted: true })
    },
    async listChatCompletionMessages({ completion_id: id, after, limit, order }, context) {
      const messages = toMessages(await get(id, context))
      if (order === 'desc') messages.reverse()
      const start = after === undefined ? 0 : messages.findIndex((message) => message.id === after) + 1
      if (after !== undefined && start === 0) {
        throw new StackError('invalid_value', {
          param: 'after',
          problem: 'this completion has no such message',
          value: `'${after}'`,
          fix: 'Use the last_id of the page before.',
        })
      }
      return value(toPage(messages.slice(start, start + limit), start + limit < messages.length))
    },
  }
}

function toPage<Item extends { readonly id: string }>(data: Item[], hasMore: boolean) {
  return {
    object: 'list' as const,
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: hasMore,
  }
}

type Fields = Record<string, unknown>

/** What we stored ourselves is JSON; it is parsed again on each read. */
function parse(bytes: Uint8Array): Fields {
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')) as Fields
}

function toStored(row: ChatCompletionRow): StoredChatCompletion {
  const completion = row.reply.format === 'json' ? parse(row.reply.bytes) : foldChatChunks(parseStream(row.reply.bytes))
  const { messages } = parse(row.request)
  return {
    // A stored reply went out as a chat completion.
    ...(completion as StoredChatCompletion),
    id: row.id,
    input_messages: Array.isArray(messages) ? messages : [],
    metadata: row.metadata,
  }
}

function parseStream(bytes: Uint8Array): Fields[] {
  const chunks: Fields[] = []
  const parser = createSseParser(({ data }) => {
    if (data !== '[DONE]') chunks.push(JSON.parse(data) as Fields)
  })
  parser.push(bytes)
  parser.end()
  return chunks
}

/** OpenAI gives each message an id of its own, made of the completion's id and the position. */
function toMessages(row: ChatCompletionRow): StoredChatMessage[] {
  const { messages } = parse(row.request)
  if (!Array.isArray(messages)) return []
  return (messages as Fields[]).map((message, index) => ({
    ...message,
    id: `${row.id}-${index}`,
    role: String(message['role']),
  }))
}
