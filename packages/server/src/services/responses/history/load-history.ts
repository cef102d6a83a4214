/** What came before a response: the chain of responses that it continues, or its conversation. */
import type { Principal } from '@llama-stack/api'
import { StackError } from '@llama-stack/api'
import type { ChainRow } from '../../../storage/agent-state.ts'
import { isOpen } from '../../../storage/response-status.ts'
import type { Storage } from '../../../storage/storage.ts'
import { ChatHistory } from '../chat/chat-history.ts'
import type { FileReader } from '../chat/referenced-files.ts'
import type { ToChatMessagesOptions } from '../chat/to-chat-messages.ts'
import type { Item } from '../output/output.ts'
import type { KnownListings } from '../tools/tool-sources.ts'
import { toConversationChat } from './conversation-chat.ts'
import { toKnownListings } from './known-listings.ts'
import { parseMessages } from './parse-messages.ts'
import { toToldRows } from './told-rows.ts'

export interface LoadedHistory {
  readonly chat: ChatHistory
  readonly listings: KnownListings
  /** An item of it by its id. */
  find(itemId: string): Item | undefined
  /** The calls that somebody was asked to approve. */
  approvalRequests(): readonly Item[]
}

export interface HistoryWorld {
  readonly storage: Pick<Storage, 'responses' | 'conversations'>
  readonly files: FileReader | undefined
  readonly reading: Pick<
    ToChatMessagesOptions,
    'readCompaction' | 'readCompactedHistory' | 'readReasoning' | 'skipsRepeated'
  >
}

/** What a request continues. At most one of the two is there. */
export interface Continued {
  readonly previousId: string | undefined
  readonly conversationId: string | undefined
}

const NOTHING: LoadedHistory = Object.freeze({
  chat: ChatHistory.empty,
  listings: new Map(),
  find: () => undefined,
  approvalRequests: () => [],
})

/** Throws `previous_response_not_found`, `previous_response_open` or `conversation_not_found`. */
export async function loadHistory(of: Continued, principal: Principal, world: HistoryWorld): Promise<LoadedHistory> {
  if (of.previousId !== undefined) return loadChain(of.previousId, principal, world)
  if (of.conversationId !== undefined) return loadConversation(of.conversationId, principal, world)
  return NOTHING
}

async function loadChain(id: string, principal: Principal, { storage }: HistoryWorld): Promise<LoadedHistory> {
  const rows = await storage.responses(principal).chain(id)
  const last = rows?.at(-1)
  if (rows === undefined || last === undefined) throw new StackError('previous_response_not_found', { id })
  if (isOpen(last.status)) throw new StackError('previous_response_open', { id, status: last.status })
  return {
    chat: ChatHistory.empty.append(parseMessages(toToldRows(rows).flatMap(({ messages }) => messages))),
    ...toLookups((part) => itemTexts(rows, part)),
  }
}

/** What is looked up in items, most of which never need to be parsed. `textsWith` gives those that hold a text. */
function toLookups(textsWith: (part: string) => readonly string[]): Omit<LoadedHistory, 'chat'> {
  return {
    listings: toKnownListings(parseItems(textsWith('"type":"mcp_list_tools"'))),
    find: (itemId) => parseItems(textsWith(itemId)).find((item) => item.id === itemId),
    approvalRequests: () =>
      parseItems(textsWith('"type":"mcp_approval_request"')).filter(({ type }) => type === 'mcp_approval_request'),
  }
}

function itemTexts(rows: readonly ChainRow[], part: string): string[] {
  return rows.flatMap(({ input, output }) => [...input, ...output].filter((text) => text.includes(part)))
}

function parseItems(texts: readonly string[]): Item[] {
  return texts.map((text) => JSON.parse(text) as Item)
}

async function loadConversation(id: string, principal: Principal, world: HistoryWorld): Promise<LoadedHistory> {
  const conversations = world.storage.conversations(principal)
  if ((await conversations.find(id)) === undefined) throw new StackError('conversation_not_found', { id })
  const { rows } = await conversations.listItems(id, { order: 'asc' })
  return {
    chat: await toConversationChat(rows, principal, world),
    ...toLookups((part) => rows.flatMap(({ item }) => (item.includes(part) ? [item] : []))),
  }
}
