/** Runs requests on GGUF models: finds the model, loads it, and puts what it writes into OpenAI's shapes. */
import type {
  ChatChunkChoice,
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionRequest,
  Clock,
  Completion,
  CompletionChunk,
  CompletionReply,
  CompletionRequest,
  EmbeddingsRequest,
  EmbeddingsResponse,
} from '@llama-stack/api'
import { isStackError, StackError } from '@llama-stack/api'
import { abortable } from '../../kernel/abortable.ts'
import { createIds } from '../../kernel/ids.ts'
import { foldDeltas } from './_demo-choice.ts'
import type { GgufCatalog } from './_gguf-catalog.ts'
import { writeChat } from './_llama-chat.ts'
import type { ChatUsage } from './_llama-chat.ts'
import { toChatPlan } from './_llama-chat-plan.ts'
import { embedInputs } from './_llama-embeddings.ts'
import type { Loader } from './_llama-loader.ts'
import type { LoadedModel } from './_llama-model.ts'
import { drain, toPieces } from './_llama-pieces.ts'
import type { Writer } from './_llama-pieces.ts'
import { toTextPlan, writeTexts } from './_llama-text.ts'
import type { TextChoice, TextUsage } from './_llama-text.ts'

export interface RunnerParts {
  readonly provider: string
  readonly catalog: GgufCatalog
  readonly loader: Loader<LoadedModel>
  readonly clock: Clock
  /** Aborted when the stack ends. */
  readonly closing: AbortSignal
}

/** The operations of a provider. The signals are the callers'. */
export interface LlamaRunner {
  chat(
    request: ChatCompletionRequest,
    signal: AbortSignal,
  ): Promise<CompletionReply<ChatCompletion, ChatCompletionChunk>>
  text(request: CompletionRequest, signal: AbortSignal): Promise<CompletionReply<Completion, CompletionChunk>>
  embed(
    request: EmbeddingsRequest,
    signal: AbortSignal,
  ): Promise<{ readonly kind: 'value'; readonly value: EmbeddingsResponse }>
}

/** Makes the operations. */
export function toLlamaRunner(parts: RunnerParts): LlamaRunner {
  const ids = createIds()
  const created = (): number => Math.floor(parts.clock.now() / 1000)
  return {
    async chat(request, signal) {
      const plan = toChatPlan(request)
      const head = { id: ids.random('chatcmpl-'), created: created(), model: request.model }
      const newCallId = (): string => ids.random('call_')
      const choices = write<ChatChunkChoice, ChatUsage>(
        parts,
        { model: request.model, signal },
        (loaded, emit, running) => writeChat(loaded, { request, plan, emit, newCallId, signal: running }),
      )
      if (request.stream === true)
        return toEvents(await begin(choices), { ...head, object: 'chat.completion.chunk' }, request)
      const { pieces, result: usage } = await drain(choices)
      const value: ChatCompletion = {
        ...head,
        object: 'chat.completion',
        choices: [...Map.groupBy(pieces, ({ index }) => index)].map(([index, own]) => ({
          index,
          message: foldDeltas(own.map(({ delta }) => delta)),
          logprobs: null,
          finish_reason: own.at(-1)?.finish_reason ?? 'stop',
        })),
        usage,
      }
      return { kind: 'value', value }
    },

    async text(request, signal) {
      const plan = toTextPlan(request)
      const head = {
        id: ids.random('cmpl-'),
        object: 'text_completion' as const,
        created: created(),
        model: request.model,
      }
      const choices = write<TextChoice, TextUsage>(parts, { model: request.model, signal }, (loaded, emit, running) =>
        writeTexts(loaded, { request, plan, emit, signal: running }),
      )
      if (request.stream === true) return toEvents(await begin(choices), head, request)
      const { pieces, result: usage } = await drain(choices)
      const texts = [...Map.groupBy(pieces, ({ index }) => index)].map(([index, own]) => ({
        index,
        text: own.map(({ text }) => text).join(''),
        logprobs: null,
        finish_reason: own.at(-1)?.finish_reason ?? 'stop',
      }))
      return { kind: 'value', value: { ...head, choices: texts, usage } }
    },

    async embed(request, signal) {
      const { model } = request
      using departure = createDeparture(parts, signal)
      const embedding = run(parts, { model, signal: departure.signal }, (loaded) => {
        if (loaded.kind === 'embedder') return embedInputs(loaded, request, departure.signal)
        throw new StackError('model_type_mismatch', { model, actual: 'llm', expected: 'embedding' })
      })
      return { kind: 'value', value: await abortable(embedding, departure.signal) }
    },
  }
}

/** Which model, for whom. */
interface Use {
  readonly model: string
  readonly signal: AbortSignal
}

type LoadedWriter = Extract<LoadedModel, { kind: 'writer' }>

async function* write<Piece, Usage>(
  parts: RunnerParts,
  { model, signal }: Use,
  writeOn: (loaded: LoadedWriter, emit: (piece: Piece) => void, signal: AbortSignal) => Promise<Usage>,
): AsyncGenerator<Piece, Usage, void> {
  using departure = createDeparture(parts, signal)
  const writer: Writer<Piece, Usage> = (emit, running) =>
    run(parts, { model, signal: running }, (loaded) => {
      if (loaded.kind === 'writer') return writeOn(loaded, emit, running)
      throw new StackError('model_type_mismatch', { model, actual: 'embedding', expected: 'llm' })
    })
  return yield* toPieces(writer, departure.signal)
}

/** Runs with a loaded model. What is no error of ours is a failure of the engine. */
async function run<Result>(
  { provider, catalog, loader }: RunnerParts,
  { model: id, signal }: Use,
  work: (loaded: LoadedModel) => Promise<Result>,
): Promise<Result> {
  try {
    const model = await catalog.find(id)
    if (model === undefined) throw new StackError('model_not_found', { model: id })
    return await loader.use(model, signal, work)
  } catch (cause) {
    signal.throwIfAborted()
    if (isStackError(cause)) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new StackError('provider_internal', { provider, reason }, { cause })
  }
}

/** Aborted when the caller leaves or the stack ends, with an error that says which. */
function createDeparture(
  { provider, closing }: RunnerParts,
  caller: AbortSignal,
): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController()
  const leave = (): void =>
    controller.abort(new StackError('provider_stream_broken', { provider, reason: 'the caller left' }))
  const close = (): void => controller.abort(new StackError('server_shutting_down', {}))
  caller.addEventListener('abort', leave)
  closing.addEventListener('abort', close)
  if (closing.aborted) close()
  if (caller.aborted) leave()
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      caller.removeEventListener('abort', leave)
      closing.removeEventListener('abort', close)
    },
  }
}

/** A stream whose first piece is there: what fails before it fails as a whole, with a status. */
interface Begun<Piece, Usage> {
  readonly rest: AsyncGenerator<Piece, Usage, void>
  readonly first: IteratorResult<Piece, Usage>
}

async function begin<Piece, Usage>(rest: AsyncGenerator<Piece, Usage, void>): Promise<Begun<Piece, Usage>> {
  return { rest, first: await rest.next() }
}

interface EventsReply<Event> {
  readonly kind: 'events'
  readonly events: AsyncGenerator<Event, void, void>
  readonly stripUsageChunk: boolean
}

type Chunk<Head, Piece, Usage> = Head & { choices: Piece[]; usage?: Usage | null }

/** Chunks of one choice each, and the usage in one of its own. */
function toEvents<Head extends object, Piece, Usage>(
  { rest, first }: Begun<Piece, Usage>,
  head: Head,
  { stream_options: options }: Pick<ChatCompletionRequest, 'stream_options'>,
): EventsReply<Chunk<Head, Piece, Usage>> {
  const wantsUsage = options?.include_usage === true
  const noUsage: { usage?: null } = wantsUsage ? { usage: null } : {}
  async function* events(): AsyncGenerator<Chunk<Head, Piece, Usage>, void, void> {
    try {
      let step = first
      while (step.done !== true) {
        yield { ...head, choices: [step.value], ...noUsage }
        step = await rest.next()
      }
      yield { ...head, choices: [], usage: step.value }
    } finally {
      await rest.return(undefined as never)
    }
  }
  return { kind: 'events', events: events(), stripUsageChunk: !wantsUsage }
}
