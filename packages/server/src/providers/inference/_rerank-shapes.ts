/** What vendors are asked when they rerank, and how they tell the scores. */
import { StackError } from '@llama-stack/api'
import type { Json, JsonObject, RerankItem, RerankRequest, RerankResponse } from '@llama-stack/api'
import { fetchAsDataUrl } from './_inline-images.ts'
import type { ImageFetch } from './_inline-images.ts'
import { findAt } from './_json-shape.ts'

/**
 * `documents` is the shape of Cohere, Jina and vLLM; `pairs` that of vLLM's score API, whose scores are the same;
 * `passages` that of NVIDIA's retrievers, whose scores are logits; `inputs` that of IBM's watsonx.
 */
export type RerankShape = 'documents' | 'pairs' | 'passages' | 'inputs'

/**
 * What becomes of images: `parts` are content parts, which vLLM fetches by itself; `inline` are data URLs of passages;
 * `none` are refused.
 */
export type RerankImages = 'none' | 'parts' | 'inline'

type Scores = RerankResponse['data']

const QUERY_AND_ITEMS = { documents: ['query', 'documents'], pairs: ['text_1', 'text_2'] } as const

const SCORE_FIELDS = {
  documents: { lists: ['results', 'data'], score: 'relevance_score' },
  pairs: { lists: ['data'], score: 'score' },
  passages: { lists: ['rankings'], score: 'logit' },
  inputs: { lists: ['results'], score: 'score' },
} as const

/** Builds the body. Fields that the request has beyond ours travel on. Throws `invalid_value` for what cannot be ranked. */
export async function toRerankBody(
  shape: RerankShape,
  request: RerankRequest,
  { images, fetch }: { readonly images: RerankImages; readonly fetch: ImageFetch },
): Promise<JsonObject> {
  const { model, query, items, max_num_results: top, ...more } = request
  // The request was parsed from JSON; only the type of its unknown fields forgot that.
  const extra = more as JsonObject
  if (images === 'none') for (const [param, item] of named(query, items)) expectText(param, item)
  if (shape === 'passages') {
    const passages = await Promise.all(items.map((item, index) => toPassage(item, `items[${index}]`, fetch)))
    return { model, query: { text: expectText('query', query) }, passages, ...extra }
  }
  if (shape === 'inputs') {
    const inputs = items.map((item, index) => ({ text: expectText(`items[${index}]`, item) }))
    const parameters = typeof top === 'number' && { parameters: { return_options: { top_n: top } } }
    return { model_id: model, query: expectText('query', query), inputs, ...parameters, ...extra }
  }
  const [queryField, itemsField] = QUERY_AND_ITEMS[shape]
  return {
    model,
    [queryField]: toContent([query], 'one'),
    [itemsField]: toContent(items, 'list'),
    ...(shape === 'documents' && typeof top === 'number' && { top_n: top }),
    ...extra,
  }
}

function* named(query: RerankItem, items: readonly RerankItem[]): Iterable<readonly [string, RerankItem]> {
  yield ['query', query]
  for (const [index, item] of items.entries()) yield [`items[${index}]`, item]
}

function expectText(param: string, item: RerankItem): string {
  if (typeof item === 'string') return item
  if (item.type === 'text') return item.text
  throw new StackError('invalid_value', {
    param,
    problem: 'this provider ranks text only here',
    fix: 'Send a text, or choose a model of another provider.',
  })
}

/** Texts as they are; with an image among them, content parts, of which each is ranked by itself. */
function toContent(items: readonly RerankItem[], form: 'one' | 'list'): Json {
  if (items.some((item) => typeof item !== 'string' && item.type !== 'text')) {
    const parts = items.map((item): RerankItem => (typeof item === 'string' ? { type: 'text', text: item } : item))
    // Parts were parsed from JSON, see above.
    return { content: parts as Json[] }
  }
  const texts = items.map((item) => expectText('items', item))
  return form === 'list' ? texts : (texts[0] ?? '')
}

async function toPassage(item: RerankItem, param: string, fetch: ImageFetch): Promise<JsonObject> {
  if (typeof item === 'string' || item.type === 'text') return { text: expectText(param, item) }
  const { url } = item.image_url
  if (/^data:image\/[\w.+-]+;base64,/i.test(url)) return { image: url }
  if (/^https?:\/\//i.test(url)) return { image: await fetchAsDataUrl(url, fetch) }
  throw new StackError('invalid_value', {
    param,
    problem: 'the image is neither an http(s) URL nor a data URL with base64 content',
    fix: 'Send data:image/png;base64,… or the address of the image.',
  })
}

/** Reads the scores. Throws `provider_bad_reply` where they do not fit the items that were sent. */
export function readScores(
  shape: RerankShape,
  reply: unknown,
  { provider, items }: { readonly provider: string; readonly items: number },
): Scores {
  const { lists, score } = SCORE_FIELDS[shape]
  const rows = lists.map((list) => findAt(reply, list)).find((list) => Array.isArray(list))
  if (!Array.isArray(rows)) throw new StackError('provider_bad_reply', { provider, reason: `it has no ${lists[0]}` })
  return rows.map((row: unknown) => {
    const index = findAt(row, 'index')
    const relevance = findAt(row, score)
    const isItem = typeof index === 'number' && Number.isInteger(index) && index >= 0 && index < items
    if (isItem && typeof relevance === 'number') return { index, relevance_score: relevance }
    throw new StackError('provider_bad_reply', {
      provider,
      reason: `a row of ${lists[0]} has no ${score}, or an index that is none of the ${items} items`,
    })
  })
}
