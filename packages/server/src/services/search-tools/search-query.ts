/** The arguments with which a model calls one of the search tools. */
import { isRecord } from '../../kernel/json-record.ts'

/** The query, or what is wrong with the call in words that the model can act on. */
export type SearchQuery = { readonly query: string } | { readonly problem: string }

/** Reads `{"query": "…"}`. A model that got it wrong is told so; the response goes on. */
export function readSearchQuery(argumentsText: string): SearchQuery {
  let read: unknown
  try {
    read = JSON.parse(argumentsText)
  } catch {
    return { problem: 'The arguments are not valid JSON. Call the tool again with {"query": "<text>"}.' }
  }
  const query = isRecord(read) ? read['query'] : undefined
  if (typeof query !== 'string' || query.trim() === '') {
    return { problem: 'The argument "query" is missing or empty. Call the tool again with {"query": "<text>"}.' }
  }
  return { query }
}
