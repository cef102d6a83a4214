/** What came before a response: the chain of responses that it continues, or its conversation. */
import type { Principal } from '@llama-stack/api'
import { StackError } from '@llama-stack/api'
import { isOpen } from '../../../storage/response-status.ts'
import type { Storage } from '../../../storage/storage.ts'
import { ChatHistory } from '../chat/chat-history.ts'
import type { FileReader } from '../chat/referenced-files.ts'
import type { ToChatMessagesOptions } from '../chat/to-chat-messages.ts'
import { ChainHistory } from './chain-history.ts'
import { toConversationChat } from './conversation-chat.ts'
import { toKnownListings } from './known-listings.ts'
import { LISTING, parseItems, toLookups } from './loaded-history.ts'
import type { LoadedHistory } from './loaded-history.ts'
import type { RecentChains } from './recent-chains.ts'

export interface HistoryWorld {
  readonly storage: Pick<Storage, 'responses' | 'conversations'>
  readonly files: FileReader | undefined
  readonly reading: Pick<
    ToChatMessagesOptions,
    'readCompaction' | 'readCompactedHistory' | 'readReasoning' | 'skipsRepeated'
  >
  /** Absent where what is looked up is not what is stored. */
  readonly recentChains?: RecentChains | undefined
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

async function loadChain(
  id: string,
  principal: Principal,
  { storage, recentChains }: HistoryWorld,
): Promise<LoadedHistory> {
  const repository = storage.responses(principal)
  const recent = await recentChains?.find(id, principal, repository)
  if (recent !== undefined) return recent
  const rows = await repository.chain(id)
  const last = rows?.at(-1)
  if (rows === undefined || last === undefined) throw new StackError('previous_response_not_found', { id })
  if (isOpen(last.status)) throw new StackError('previous_response_open', { id, status: last.status })
  const chain = ChainHistory.of(rows)
  recentChains?.keep(chain, principal)
  return chain
}

async function loadConversation(id: string, principal: Principal, world: HistoryWorld): Promise<LoadedHistory> {
  const conversations = world.storage.conversations(principal)
  if ((await conversations.find(id)) === undefined) throw new StackError('conversation_not_found', { id })
  const { rows } = await conversations.listItems(id, { order: 'asc' })
  const textsWith = (part: string) => rows.flatMap(({ item }) => (item.includes(part) ? [item] : []))
  return {
    chat: await toConversationChat(rows, principal, world),
    listings: toKnownListings(parseItems(textsWith(LISTING))),
    ...toLookups(textsWith),
  }
}
