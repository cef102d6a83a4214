/** What is reranked, where only text can be. */
import type { RerankItem, RerankRequest } from '@llama-stack/api'
import { StackError } from '@llama-stack/api'

/** The query and the texts of a request. Throws `invalid_value` for images. */
export function parseRerankTexts(request: RerankRequest): {
  readonly query: string
  readonly texts: readonly string[]
} {
  return {
    query: parseText(request.query, 'query'),
    texts: request.items.map((item, index) => parseText(item, `items[${index}]`)),
  }
}

/** The items with their scores, most relevant first, as many as were asked for. */
export function rankItems(request: RerankRequest, scores: Iterable<number>): RerankResponseData {
  const data = Array.from(scores, (score, index) => ({ index, relevance_score: score }))
  data.sort((left, right) => right.relevance_score - left.relevance_score || left.index - right.index)
  return data.slice(0, request.max_num_results ?? data.length)
}

type RerankResponseData = { index: number; relevance_score: number }[]

function parseText(item: RerankItem, param: string): string {
  if (typeof item === 'string') return item
  if (item.type === 'text') return item.text
  throw new StackError('invalid_value', {
    param,
    problem: 'images have no words to compare',
    fix: 'Send text, or choose a rerank model that sees.',
  })
}
