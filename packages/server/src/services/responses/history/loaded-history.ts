/** What came before a response, as those who translate its request need it. */
import type { ChatHistory } from '../chat/chat-history.ts'
import type { Item } from '../output/output.ts'
import type { KnownListings } from '../tools/tool-sources.ts'

export interface LoadedHistory {
  readonly chat: ChatHistory
  readonly listings: KnownListings
  /** An item of it by its id. */
  find(itemId: string): Item | undefined
  /** The calls that somebody was asked to approve. */
  approvalRequests(): readonly Item[]
}

/** What is looked up in items, most of which never need to be parsed. `textsWith` gives those that hold a text. */
export function toLookups(textsWith: (part: string) => readonly string[]): Omit<LoadedHistory, 'chat' | 'listings'> {
  return {
    find: (itemId) => parseItems(textsWith(itemId)).find((item) => item.id === itemId),
    approvalRequests: () =>
      parseItems(textsWith('"type":"mcp_approval_request"')).filter(({ type }) => type === 'mcp_approval_request'),
  }
}

/** What the texts of listings of MCP servers hold. */
export const LISTING = '"type":"mcp_list_tools"'

/** What the engine has written is what it reads. */
export function parseItems(texts: readonly string[]): Item[] {
  return texts.map((text) => JSON.parse(text) as Item)
}
