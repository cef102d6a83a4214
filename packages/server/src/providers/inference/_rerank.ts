/** Rerank calls in the two shapes that vendors have for them. */
import { StackError } from '@llama-stack/api'
import type {
  JsonObject,
  ProviderCall,
  RecordingKey,
  RerankItem,
  RerankRequest,
  RerankResponse,
  UpstreamRequest,
} from '@llama-stack/api'
import type { CallTarget } from './_call-target.ts'
import type { Reranking } from './_dialect.ts'
import { findAt } from './_json-shape.ts'
import { toRoot } from './_provider-settings.ts'
import type { ProtocolContext } from './_protocol-context.ts'
import { expectSuccess, readJson } from './_vendor-reply.ts'

/** Scores the items of a request; the most relevant come first. */
export async function rerankDocuments(
  context: ProtocolContext,
  request: RerankRequest,
  call: ProviderCall,
): Promise<RerankResponse> {
  const { rerank } = context.dialect
  if (rerank === undefined) {
    throw new StackError('operation_unsupported', { operation: 'rerank', provider: context.id })
  }
  context.expectAllowed(request.model)
  const target = await context.locate(call)
  const outbound = toRequest({ context, rerank, target, request, call })
  const response = await context.upstreamFor(outbound.chosenBy).send(outbound)
  const reply = await readJson(context.id, await expectSuccess(context.id, response))
  const scored = readScores(rerank, reply).toSorted((a, b) => b.relevance_score - a.relevance_score)
  return { data: scored.slice(0, request.max_num_results ?? scored.length) }
}

interface RerankCall {
  readonly context: ProtocolContext
  readonly rerank: Reranking
  readonly target: CallTarget
  readonly request: RerankRequest
  readonly call: ProviderCall
}

function toRequest({ context, rerank, target, request, call }: RerankCall): UpstreamRequest {
  const url = toUrl({ context, rerank, target, request })
  const body = toBody(rerank, request)
  return {
    method: 'POST',
    url,
    headers: target.headers,
    body: JSON.stringify(body),
    chosenBy: target.chosenBy,
    provider: context.id,
    signal: call.signal,
    get recording(): RecordingKey {
      return { kind: 'http', url, body, testId: call.testId ?? null }
    },
  }
}

function toUrl({ context, rerank, target, request: { model } }: Omit<RerankCall, 'call'>): string {
  if (rerank.shape === 'documents') {
    return (rerank.below === 'root' ? toRoot(context.dialect, target.baseUrl) : target.baseUrl) + rerank.path
  }
  const url = (context.settings.rerank_model_to_url ?? rerank.urls)[model]
  if (url === undefined) throw new StackError('model_not_found', { model })
  return url
}

function toBody(rerank: Reranking, request: RerankRequest): JsonObject {
  const { model, max_num_results: top } = request
  const query = toText(request.query, 'query')
  const items = request.items.map((item, index) => toText(item, `items[${index}]`))
  if (rerank.shape === 'passages') return { model, query: { text: query }, passages: items.map((text) => ({ text })) }
  return { model, query, documents: items, ...(typeof top === 'number' && { top_n: top }) }
}

function toText(item: RerankItem, param: string): string {
  if (typeof item === 'string') return item
  if (item.type === 'text') return item.text
  throw new StackError('invalid_value', {
    param,
    problem: 'this provider ranks text only',
    fix: 'Send a text, or choose a model of another provider.',
  })
}

/** `results` or `data` with relevance scores; passages have `rankings` with logits. */
function readScores({ shape }: Reranking, reply: unknown): RerankResponse['data'] {
  const isPassages = shape === 'passages'
  const rows = isPassages ? findAt(reply, 'rankings') : (findAt(reply, 'results') ?? findAt(reply, 'data'))
  if (!Array.isArray(rows)) return []
  return rows.flatMap((row: unknown) => {
    const index = findAt(row, 'index')
    const score = findAt(row, isPassages ? 'logit' : 'relevance_score')
    return typeof index === 'number' && typeof score === 'number' ? [{ index, relevance_score: score }] : []
  })
}
