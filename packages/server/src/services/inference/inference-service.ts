/** Inference: every operation is routed to the provider that owns the model, and its reply observed on the way back. */
import { isStackError, StackError } from '@llama-stack/api'
import type {
  CallContext,
  ChatCompletionRequest,
  Clock,
  CompletionReply,
  CompletionRequest,
  DocumentRerankRequest,
  EmbeddingsRequest,
  Inference,
  InferenceProvider,
  ModelType,
  RerankRequest,
} from '@llama-stack/api'
import { value } from '@llama-stack/api'
import type { Ids } from '../../kernel/ids.ts'
import type { Storage } from '../../storage/storage.ts'
import type { ModelRouter } from '../models/model-router.ts'
import type { Target } from '../reliability/target.ts'
import { CompletionObserver } from './completion-observer.ts'
import type { KeptReply } from './completion-observer.ts'
import { relayCompletion } from './relay-completion.ts'
import { relayEmbeddings } from './relay-embeddings.ts'
import type { CompletionShape } from './repair-chunk.ts'
import { createStoredCompletions } from './stored-completions.ts'

export interface InferenceOptions {
  readonly router: ModelRouter
  readonly storage: Storage
  readonly clock: Clock
  readonly ids: Ids
  /** Whether chat completions are kept unless a request says otherwise. */
  readonly storesCompletions: boolean
}

type Completing = 'chatCompletion' | 'completion'

/** Creates the service behind every route of inference. */
export function createInferenceService(options: InferenceOptions): Inference {
  return {
    createChatCompletion: (request, context) => chat(options, request, context),
    createCompletion: (request, context) => complete(options, request, context),
    createEmbeddings: (request, context) => embed(options, request, context),
    rerank: (request, context) => rerank(options, request, context),
    rerankDocuments: (request, context) => rerankDocuments(options, request, context),
    ...createStoredCompletions(options),
  }
}

async function chat(options: InferenceOptions, request: ChatCompletionRequest, context: CallContext) {
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
  const call = await begin(options, { model: request.model, type: 'llm', context, keep })
  return finishCompletion(options, call, {
    shape: 'chat',
    streamed: asked.stream === true,
    reply: await attempt(call, 'chatCompletion', (provider) =>
      provider.chatCompletion?.({ ...asked, model: call.target.model }, context),
    ),
  })
}

async function complete(options: InferenceOptions, request: CompletionRequest, context: CallContext) {
  const call = await begin(options, { model: request.model, type: 'llm', context, keep: undefined })
  return finishCompletion(options, call, {
    shape: 'text',
    streamed: request.stream === true,
    reply: await attempt(call, 'completion', (provider) =>
      provider.completion?.({ ...request, model: call.target.model }, context),
    ),
  })
}

async function embed(options: InferenceOptions, request: EmbeddingsRequest, context: CallContext) {
  const call = await begin(options, { model: request.model, type: 'embedding', context, keep: undefined })
  const reply = await attempt(call, 'embeddings', (provider) =>
    provider.embeddings?.({ ...request, model: call.target.model }, context),
  )
  return relayEmbeddings({
    reply,
    provider: call.target.provider.id,
    observer: call.observer,
    format: request.encoding_format ?? 'float',
    ...nameFor(call, context),
  })
}

async function rerank(options: InferenceOptions, request: RerankRequest, context: CallContext) {
  const call = await begin(options, { model: request.model, type: 'rerank', context, keep: undefined })
  const reply = await attempt(call, 'rerank', (provider) =>
    provider.rerank?.({ ...request, model: call.target.model }, context),
  )
  call.observer.see({})
  await call.observer.finish('json')
  return value(reply.value, reply.headers)
}

/** Cohere's, Jina's and vLLM's shape over the same operation. */
async function rerankDocuments(options: InferenceOptions, request: DocumentRerankRequest, context: CallContext) {
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

/** One call to a provider: where it goes and who watches it. */
interface Call {
  readonly requested: string
  readonly target: Target
  readonly provider: InferenceProvider
  readonly observer: CompletionObserver
}

interface Beginning {
  readonly model: string
  readonly type: ModelType
  readonly context: CallContext
  readonly keep: ((reply: KeptReply) => Promise<void>) | undefined
}

async function begin(options: InferenceOptions, { model, type, context, keep }: Beginning): Promise<Call> {
  if (context.record !== undefined) context.record.model = model
  const { targets, requested } = await options.router.route(model, type, context)
  const { target } = targets[0]
  const provider = await target.provider.get()
  if (context.record !== undefined && provider.demo === true) context.record.demo = true
  const observer = new CompletionObserver({
    context,
    clock: options.clock,
    provider: target.provider.id,
    providerModel: target.model,
    ...(keep === undefined ? {} : { keep }),
  })
  return { requested, target, provider, observer }
}

/** Calls one operation of a provider; an absent one is refused by name. */
async function attempt<Result>(
  { target, provider, observer }: Call,
  operation: Completing | 'embeddings' | 'rerank',
  send: (provider: InferenceProvider) => Promise<Result> | undefined,
): Promise<Result> {
  try {
    const sent = send(provider)
    if (sent !== undefined) return await sent
    throw new StackError('operation_unsupported', {
      operation: OPERATION_NAMES[operation],
      provider: target.provider.id,
    })
  } catch (error) {
    observer.fail(isStackError(error) ? error.code : 'internal_error')
    throw error
  }
}

const OPERATION_NAMES = Object.freeze({
  chatCompletion: 'chat completions',
  completion: 'text completions',
  embeddings: 'embeddings',
  rerank: 'reranking',
})

function finishCompletion<Value extends object, Event extends object>(
  options: InferenceOptions,
  { requested, target, observer, ...call }: Call,
  answered: { shape: CompletionShape; streamed: boolean; reply: CompletionReply<Value, Event>; context?: CallContext },
) {
  const { context } = observer
  if (context.record !== undefined) context.record.streamed = answered.streamed
  const quirks = answered.reply.kind === 'upstream' ? answered.reply.quirks : {}
  return relayCompletion({
    reply: answered.reply,
    provider: target.provider.id,
    observer,
    streamed: answered.streamed,
    repair: {
      shape: answered.shape,
      streamed: answered.streamed,
      model: requested,
      created: Math.floor(options.clock.now() / 1000),
      newId: () => options.ids.random(quirks.overwriteId === true ? 'cltsd-' : 'chatcmpl-'),
      overwriteId: quirks.overwriteId === true,
    },
    ...nameFor({ requested, target, observer, ...call }, context),
  })
}

/** OGX replies carry the model's name as it was asked for, Llama Stack's carry the provider's. */
function nameFor({ requested }: Call, context: CallContext): { rename?: string } {
  return context.generation === 'llama-stack' ? {} : { rename: requested }
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
