/** Rerank calls: which of a vendor's addresses is asked, and what its scores mean. */
import { StackError } from '@llama-stack/api'
import type { ProviderCall, RerankRequest, RerankResponse } from '@llama-stack/api'
import type { CallTarget } from './_call-target.ts'
import type { Reranking } from './_dialect.ts'
import { toJsonPost } from './_json-post.ts'
import { toBaseUrl, toRoot } from './_provider-settings.ts'
import type { ProtocolContext } from './_protocol-context.ts'
import { readScores, toRerankBody } from './_rerank-shapes.ts'
import type { RerankShape } from './_rerank-shapes.ts'
import { expectSuccess, isUnknownPath, readJson } from './_vendor-reply.ts'

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
  const scored = await askInTurn(toAddresses({ context, rerank, target }, request.model), async (address) => {
    const body = await toRerankBody(address.shape, request, {
      images: rerank.images,
      fetch: { upstream: context.upstreamFor('caller'), signal: call.signal },
    })
    const outbound = toJsonPost({ provider: context.id, target, call, url: address.url, body })
    const response = await context.send(outbound, { target, call })
    const reply = await readJson(context.id, await expectSuccess(context.id, response))
    return readScores(address.shape, reply, { provider: context.id, items: request.items.length })
  })
  // Sorting is stable: items of the same score stay in the order of the request.
  const ranked = scored.toSorted((a, b) => b.relevance_score - a.relevance_score)
  return { data: ranked.slice(0, request.max_num_results ?? ranked.length) }
}

interface Address {
  readonly url: string
  readonly shape: RerankShape
}

interface Reranker {
  readonly context: ProtocolContext
  readonly rerank: Reranking
  readonly target: CallTarget
}

function toAddresses({ context, rerank, target }: Reranker, model: string): readonly Address[] {
  const toUrl = ({ path, below }: { readonly path: string; readonly below: 'base' | 'root' }): string =>
    (below === 'root' ? toRoot(context.dialect, target.baseUrl) : target.baseUrl) + path + target.query
  if (rerank.kind === 'shared') return rerank.paths.map((path) => ({ url: toUrl(path), shape: path.shape }))
  const { dialect, settings } = context
  const named = settings.rerank_model_to_url ?? undefined
  const isHosted = toBaseUrl(dialect, settings) === dialect.baseUrl
  if (named === undefined && !isHosted) return [{ url: toUrl(rerank.selfHosted), shape: rerank.shape }]
  const urls = named ?? rerank.urls
  const url = Object.hasOwn(urls, model) ? urls[model] : undefined
  if (url === undefined) throw new StackError('model_not_found', { model })
  return [{ url, shape: rerank.shape }]
}

/** Asks the addresses in turn while the server has no such path. The failure of the first is the one that tells most. */
async function askInTurn<Result>(
  addresses: readonly Address[],
  ask: (address: Address) => Promise<Result>,
): Promise<Result> {
  let first: unknown
  for (const address of addresses) {
    try {
      return await ask(address)
    } catch (error) {
      if (!isUnknownPath(error)) throw error
      first ??= error
    }
  }
  throw first
}
