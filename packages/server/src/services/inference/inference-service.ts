/**
 * Inference: every operation is routed to the targets that can answer, run by the executor over them, and its reply observed
 * on the way back.
 */
import { StackError, value } from '@llama-stack/api'
import type {
  CallContext,
  ChatCompletionRequest,
  Clock,
  CompletionRequest,
  DocumentRerankRequest,
  EmbeddingsRequest,
  EmbeddingsResponse,
  Inference,
  ModelType,
  Reply,
  RerankRequest,
  RerankResponse,
} from '@llama-stack/api'
import type { Ids } from '../../kernel/ids.ts'
import type { Storage } from '../../storage/storage.ts'
import type { ModelRouter } from '../models/model-router.ts'
import type { Route } from '../models/route.ts'
import type { Executor } from '../reliability/executor.ts'
import { OpaqueOrigins } from '../reliability/opaque-origins.ts'
import type { AnyReply } from '../reliability/operation.ts'
import type { CacheableCall } from '../response-cache/cacheable-call.ts'
import type { MakeCall, ResponseCache } from '../response-cache/response-cache.ts'
import { askProvider } from './ask-provider.ts'
import type { KeptReply } from './completion-observer.ts'
import { CompletionOperation } from './completion-operation.ts'
import { keepFitting } from './context-fit.ts'
import { nameFor } from './name-for.ts'
import * as operations from './provider-operations.ts'
import type { ValueReply } from './provider-operations.ts'
import { relayEmbeddings } from './relay-embeddings.ts'
import { createStoredCompletions } from './stored-completions.ts'

export interface InferenceOptions {
  readonly router: ModelRouter
  readonly executor: Executor
  readonly storage: Storage
  readonly clock: Clock
  readonly ids: Ids
  /** Whether chat completions are kept unless a request says otherwise. */
  readonly storesCompletions: boolean
  /** Absent: every call is made. */
  readonly cache?: ResponseCache | undefined
}

/** What the operations share. */
interface Parts extends InferenceOptions {
  readonly origins: OpaqueOrigins
}

/** Creates the service behind every route of inference. */
export function createInferenceService(given: InferenceOptions): Inference {
  const options = { ...given, origins: new OpaqueOrigins() }
  return {
    createChatCompletion: (request, context) => chat(options, request, context),
    createCompletion: (request, context) => complete(options, request, context),
    createEmbeddings: (request, context) => embed(options, request, context),
    rerank: (request, context) => rerank(options, request, context),
    rerankDocuments: (request, context) => rerankDocuments(options, request, context),
    ...createStoredCompletions(options),
  }
}

async function chat(options: Parts, request: ChatCompletionRequest, context: CallContext) {
  const { store, metadata, ...rest } = request
  const asked = normaliseTools(rest)
  const keep =
    options.storesCompletions && store !== false
      ? (reply: KeptReply): Promise<void> =>
          options.storage.chatCompletions(context.principal).insert({
            id: reply.id,
            createdAtMs: options.clock.now(),
            model: request.model,
            request: context.rawBody ?? Buffer.from(JSON.stringify(request)),
            reply: reply,
            metadata,
          })
      : undefined
  const route = keepFitting(await findRoute(options, asked.model, { type: 'llm', context }), asked, context)
  const kind = operations.chat
  const stores = keep !== undefined
  return answer(options, { operation: 'chat', request: asked, route, context, stores }, (context) =>
    options.executor.run(new CompletionOperation({ kind, route, context, request: asked, keep, world: options })),
  )
}

async function complete(options: Parts, request: CompletionRequest, context: CallContext) {
  const route = keepFitting(await findRoute(options, request.model, { type: 'llm', context }), request, context)
  const kind = operations.text
  return answer(options, { operation: 'text', request, route, context }, (context) =>
    options.executor.run(new CompletionOperation({ kind, route, context, request, world: options })),
  )
}

async function embed(options: Parts, request: EmbeddingsRequest, context: CallContext) {
  const route = await findRoute(options, request.model, { type: 'embedding', context })
  const { clock } = options
  return answer(options, { operation: 'embeddings', request, route, context }, (context) =>
    options.executor.run<Reply<EmbeddingsResponse>>({
      route,
      context,
      request,
      canResume: () => false,
      async attempt(target, call) {
        const answered = await askProvider({
          operation: operations.embeddings,
          target,
          request,
          context: call.context,
          clock,
        })
        return relayEmbeddings({
          ...answered,
          provider: target.provider.id,
          format: request.encoding_format ?? 'float',
          ...nameFor(route, context),
        })
      },
    }),
  )
}

async function rerank(options: Parts, request: RerankRequest, context: CallContext) {
  const route = await findRoute(options, request.model, { type: 'rerank', context })
  const { clock } = options
  return answer(options, { operation: 'rerank', request, route, context }, (context) =>
    options.executor.run<ValueReply<RerankResponse>>({
      route,
      context,
      request,
      canResume: () => false,
      async attempt(target, call) {
        const { reply, observer } = await askProvider({
          operation: operations.rerank,
          target,
          request,
          context: call.context,
          clock,
        })
        observer.see({})
        await observer.finish('json')
        return reply
      },
    }),
  )
}

/** Cohere's, Jina's and vLLM's shape over the same operation. */
async function rerankDocuments(options: Parts, request: DocumentRerankRequest, context: CallContext) {
  const { model, query, documents, top_n: topN, return_documents: returnsDocuments, ...rest } = request
  const items = documents.map((document) => (typeof document === 'string' ? document : document.text))
  const reply = await rerank(
    options,
    { ...rest, model, query, items, ...(topN === undefined || topN === null ? {} : { max_num_results: topN }) },
    context,
  )
  const results = reply.value.data.map((result) => ({
    index: result.index,
    relevance_score: result.relevance_score,
    ...(returnsDocuments === true ? { document: { text: items[result.index] ?? '' } } : {}),
  }))
  return value({ id: options.ids.random('rerank-'), model, results }, reply.headers)
}

/** Gives the answer that the cache has, or makes the call; its context is the cache's where callers share it. */
function answer<R extends AnyReply>({ cache }: Parts, call: CacheableCall, make: MakeCall<R>): Promise<R> {
  return cache === undefined ? make(call.context) : cache.serve(call, make)
}

/** Where a call may go. */
function findRoute(
  { router }: Parts,
  model: string,
  { type, context }: { readonly type: ModelType; readonly context: CallContext },
): Route | Promise<Route> {
  if (context.record !== undefined) context.record.model = model
  return router.route(model, type, context)
}

/**
 * What both generations' routers do to tools: `tool_choice: none` takes the tools out, a choice without tools is an error.
 */
function normaliseTools<R extends Pick<ChatCompletionRequest, 'tool_choice' | 'tools'>>(request: R): R {
  const { tool_choice: choice, tools } = request
  if (choice === undefined || choice === null) return request
  if (choice === 'none') {
    const { tool_choice: _choice, tools: _tools, ...rest } = request
    // Only optional members were taken out.
    return rest as R
  }
  if (tools === undefined || tools === null || tools.length === 0) {
    throw new StackError('invalid_value', {
      param: 'tool_choice',
      problem: 'it is only allowed when tools are given',
      fix: "Add 'tools', or leave 'tool_choice' out.",
    })
  }
  return request
}
