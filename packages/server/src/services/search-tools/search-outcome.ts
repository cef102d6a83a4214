/** What a search of the stack's own gives: words for the model, members for the output item. */
import type { FileSearchCall, WebSearchCall } from '@llama-stack/api'

/** One search, done. */
export interface SearchOutcome<Item> {
  /** The content of the tool message. */
  readonly content: string | readonly TextPart[]
  /** The item without its id: complete, whatever the request wants to see of it. */
  readonly item: Item
}

/** A part of a tool message. */
export interface TextPart {
  readonly type: 'text'
  readonly text: string
}

/** An item as a search leaves it; who numbers the items adds the id. */
export type WebSearchItem = Pick<WebSearchCall, 'type' | 'status' | 'action'> & {
  readonly results?: readonly WebSearchItemResult[]
}
export type FileSearchItem = Pick<FileSearchCall, 'type' | 'status' | 'queries' | 'results'>

/** One page of a `web_search_call`. OpenAI's document names the results and leaves their shape open. */
export interface WebSearchItemResult {
  readonly url: string
  readonly title: string
  readonly text: string
  readonly date?: string
}

/** Takes out of a search item what is only shown when `include` asks for it. Other items stay as they are. */
export function hideUnasked<Item extends { readonly type: string }>(
  item: Item,
  include: readonly string[] | null | undefined,
): Item {
  const asks = (what: string): boolean => include?.includes(what) ?? false
  if (item.type === 'file_search_call') {
    // OpenAI's own items say null here.
    return asks('file_search_call.results') ? item : { ...item, results: null }
  }
  if (item.type !== 'web_search_call') return item
  const shown: Record<string, unknown> = { ...item }
  if (!asks('web_search_call.results')) delete shown['results']
  const action = shown['action']
  if (!asks('web_search_call.action.sources') && typeof action === 'object' && action !== null) {
    shown['action'] = Object.fromEntries(Object.entries(action).filter(([key]) => key !== 'sources'))
  }
  // Only members that every such item may lack were taken out.
  return shown as unknown as Item
}
