/** A chain of responses that have ended, as those that continue it need it. */
import type { ChainRow } from '../../../storage/agent-state.ts'
import { ChatHistory } from '../chat/chat-history.ts'
import type { Item } from '../output/output.ts'
import type { KnownListings } from '../tools/tool-sources.ts'
import { toKnownListings } from './known-listings.ts'
import { LISTING, parseItems, toLookups } from './loaded-history.ts'
import type { LoadedHistory } from './loaded-history.ts'
import { parseMessages } from './parse-messages.ts'
import { toToldRows } from './told-rows.ts'

/** Immutable: all that continue a response share its history. */
export class ChainHistory implements LoadedHistory {
  readonly rows: readonly ChainRow[]
  readonly chat: ChatHistory
  readonly listings: KnownListings
  readonly find: LoadedHistory['find']
  readonly approvalRequests: LoadedHistory['approvalRequests']

  private constructor(rows: readonly ChainRow[], chat: ChatHistory, listings: KnownListings) {
    this.rows = rows
    this.chat = chat
    this.listings = listings
    const { find, approvalRequests } = toLookups((part) => rows.flatMap((row) => itemTexts(row, part)))
    this.find = find
    this.approvalRequests = approvalRequests
  }

  /** `rows`: from the first response on. */
  static of(rows: readonly ChainRow[]): ChainHistory {
    const chat = ChatHistory.empty.append(parseMessages(toToldRows(rows).flatMap(({ messages }) => messages)))
    return new ChainHistory(rows, chat, toKnownListings(rows.flatMap(listingsOf)))
  }

  /** The chain with the next response at its end: the same as `of` all the rows, without reading what was read. */
  after(row: ChainRow): ChainHistory {
    const before = row.beginsHistory === true ? ChatHistory.empty : this.chat
    const listed = listingsOf(row)
    const listings = listed.length === 0 ? this.listings : new Map([...this.listings, ...toKnownListings(listed)])
    return new ChainHistory([...this.rows, row], before.append(parseMessages(row.messages)), listings)
  }
}

function itemTexts({ input, output }: ChainRow, part: string): string[] {
  return [...input, ...output].filter((text) => text.includes(part))
}

function listingsOf(row: ChainRow): Item[] {
  return parseItems(itemTexts(row, LISTING))
}
