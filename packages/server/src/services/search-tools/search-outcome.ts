/** What a search of the stack's own gives: words for the model, members for the output item. */
import type { FileSearchCall, WebSearchCall } from '@llama-stack/api'

/** One search, done. */
export interface SearchOutcome<Item> {
  /** The content of the tool message. */
  readonly content: string | readonly TextPart[]
  /** The item without its id, with everything that an `include` may ask for. */
  readonly item: Item
}

/** A part of a tool message. */
export type TextPart = {
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
