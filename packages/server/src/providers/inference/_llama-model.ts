/** One GGUF model in memory: a pool of texts in the making for a language model, a context for an embedding model. */
import { StackError } from '@llama-stack/api'
import type { GgufModel } from './_gguf-catalog.ts'
import type { ChatWrapper, Context, EmbeddingContext, LlamaEngine, Model, Sequence, Token } from './_llama-engine.ts'
import { toSlots } from './_llama-slots.ts'
import type { Slots } from './_llama-slots.ts'

export interface ModelSettings {
  readonly provider: string
  /** Texts that are written at the same time. */
  readonly parallel: number
  readonly maxWaiting: number
  readonly threads: number
}

/** A model that generates text. */
export interface LoadedWriter extends AsyncDisposable {
  readonly kind: 'writer'
  readonly id: string
  readonly engine: LlamaEngine
  readonly model: Model
  readonly wrapper: ChatWrapper
  readonly contextTokens: number
  /**
   * Runs with a sequence that has these tokens but the last in memory. Of the free sequences, the one that has the most
   * of them already is taken: conversations go on where they stopped.
   */
  write<Result>(writing: Writing<Result>): Promise<Result>
}

export interface Writing<Result> {
  readonly tokens: readonly Token[]
  readonly signal: AbortSignal
  /** `cachedTokens` of the prompt were in memory before. */
  readonly run: (sequence: Sequence, cachedTokens: number) => Promise<Result>
}

/** A model that makes vectors. */
export interface LoadedEmbedder extends AsyncDisposable {
  readonly kind: 'embedder'
  readonly id: string
  readonly model: Model
  readonly contextTokens: number
  embed(tokens: readonly Token[], signal: AbortSignal): Promise<readonly number[]>
}

export type LoadedModel = LoadedWriter | LoadedEmbedder

/** Tokens that are read before the caller's signal is looked at again. */
const READ_TOKENS = 128
/** Less makes no sense for a chat. */
const MIN_CONTEXT_TOKENS = 256

/** Loads the file of a model. */
export async function createLoadedModel(
  { id, path, type, gpuLayers, contextLength }: GgufModel,
  engine: LlamaEngine,
  settings: ModelSettings & { readonly signal: AbortSignal },
): Promise<LoadedModel> {
  const { signal, threads, parallel } = settings
  const model = await engine.llama.loadModel({
    modelPath: path,
    loadSignal: signal,
    ...(gpuLayers === undefined ? {} : { gpuLayers }),
  })
  try {
    const options = { threads, contextSize: { min: Math.min(MIN_CONTEXT_TOKENS, contextLength), max: contextLength } }
    if (type === 'embedding')
      return toEmbedder({ id, model, contextLength, settings }, await model.createEmbeddingContext(options))
    const context = await model.createContext({ ...options, sequences: parallel })
    return toWriter({ id, model, engine, settings }, context)
  } catch (error) {
    await model.dispose()
    throw error
  }
}

interface WriterParts {
  readonly id: string
  readonly model: Model
  readonly engine: LlamaEngine
  readonly settings: ModelSettings
}

function toWriter({ id, model, engine, settings }: WriterParts, context: Context): LoadedWriter {
  const sequences = Array.from({ length: settings.parallel }, () => context.getSequence())
  const slots: Slots<Sequence> = toSlots({ slots: sequences, model: id, ...settings })
  return {
    kind: 'writer',
    id,
    engine,
    model,
    wrapper: engine.module.resolveChatWrapper(model, { warningLogs: false }),
    contextTokens: context.contextSize,
    write: ({ tokens, signal, run }) =>
      slots.use({
        signal,
        prefer: (sequence) => sequence.compareContextTokens(tokens).firstDifferentIndex,
        run: async (sequence) => run(sequence, await read(sequence, tokens, signal)),
      }),
    // Its contexts go with it.
    [Symbol.asyncDispose]: () => model.dispose(),
  }
}

/**
 * Reads a prompt in pieces: one evaluation of a long one cannot be stopped. The last token is left to be answered.
 * Resolves to the number of tokens that were there already.
 */
async function read(sequence: Sequence, tokens: readonly Token[], signal: AbortSignal): Promise<number> {
  const prompt = tokens.slice(0, -1)
  await sequence.adaptStateToTokens(prompt, false)
  const cachedTokens = sequence.nextTokenIndex
  while (sequence.nextTokenIndex < prompt.length) {
    signal.throwIfAborted()
    const { nextTokenIndex } = sequence
    await sequence.evaluateWithoutGeneratingNewTokens(prompt.slice(nextTokenIndex, nextTokenIndex + READ_TOKENS))
  }
  signal.throwIfAborted()
  return cachedTokens
}

interface EmbedderParts {
  readonly id: string
  readonly model: Model
  readonly contextLength: number
  readonly settings: ModelSettings
}

function toEmbedder({ id, model, contextLength, settings }: EmbedderParts, context: EmbeddingContext): LoadedEmbedder {
  const slots = toSlots({ slots: [context], model: id, ...settings })
  return {
    kind: 'embedder',
    id,
    model,
    contextTokens: contextLength,
    embed: (tokens, signal) => slots.use({ signal, run: async (free) => (await free.getEmbeddingFor(tokens)).vector }),
    [Symbol.asyncDispose]: () => model.dispose(),
  }
}

/** Throws `context_length_exceeded` where a prompt leaves no room for a reply. Resolves to the tokens that a reply may have. */
export function roomFor(
  { id, contextTokens }: Pick<LoadedModel, 'id' | 'contextTokens'>,
  promptTokens: number,
  { reserved, param }: { readonly reserved: number; readonly param: string },
): number {
  const room = contextTokens - promptTokens - reserved
  if (room > 0) return room
  throw new StackError('context_length_exceeded', { model: id, promptTokens, contextTokens, param })
}
