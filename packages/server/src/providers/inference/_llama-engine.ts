/**
 * llama.cpp, through the optional package `node-llama-cpp`: the part of it that is used here, and how it is started.
 *
 * Evaluation, sampling and loading run on threads of their own; tokenizing does not. Nothing is ever built or downloaded:
 * the package brings its binaries.
 */
import type { Log } from '@llama-stack/api'
import { isStackError, StackError } from '@llama-stack/api'
import { importOptionalPackage, toInstallCommand } from '../../kernel/optional-package.ts'

/** What the provider needs installed. */
export const llamaPackage = Object.freeze({
  name: 'node-llama-cpp',
  version: '3.21.1',
  purpose: 'Running GGUF models inside the server',
})

export type Token = number

/** Text with special tokens in it, as templates make it. */
export interface TemplatedText {
  tokenize(tokenizer: unknown): Token[]
}

export type HistoryItem =
  | { readonly type: 'system' | 'user'; readonly text: string }
  | { readonly type: 'model'; readonly response: readonly ResponsePart[] }

export type ResponsePart = string | FunctionCallPart | ReasoningPart

export interface FunctionCallPart {
  readonly type: 'functionCall'
  readonly name: string
  readonly params: unknown
  readonly result: unknown
  /** Whether it is the first of the calls that were made at once. */
  readonly startsNewChunk: boolean
}

export interface ReasoningPart {
  readonly type: 'segment'
  readonly segmentType: 'thought'
  readonly text: string
  readonly ended: true
}

/** The engine's subset of JSON Schema. Every property of an object is written, whatever `required` would say. */
export type GrammarSchema = GrammarShape & {
  readonly description?: string
  /** What references within it stand for. */
  readonly $defs?: Readonly<Record<string, GrammarSchema>>
}
type GrammarShape =
  | { readonly type: ScalarType | readonly ScalarType[] }
  | { readonly type: 'string'; readonly minLength?: number; readonly maxLength?: number; readonly format?: string }
  | { readonly const: Scalar }
  | { readonly enum: readonly Scalar[] }
  | { readonly oneOf: readonly GrammarSchema[] }
  | { readonly $ref: string }
  | {
      readonly type: 'object'
      readonly properties?: Readonly<Record<string, GrammarSchema>>
      readonly additionalProperties?: boolean | GrammarSchema
    }
  | {
      readonly type: 'array'
      readonly items?: GrammarSchema
      readonly prefixItems?: readonly GrammarSchema[]
      readonly minItems?: number
      readonly maxItems?: number
    }
export type ScalarType = 'string' | 'number' | 'integer' | 'boolean' | 'null'
export type Scalar = string | number | boolean | null

export type Functions = Readonly<
  Record<string, { readonly description?: string; readonly params: GrammarSchema | undefined }>
>

/** A chat template: it writes a conversation as the model was trained to read it. */
export interface ChatWrapper {
  generateContextState(options: {
    readonly chatHistory: readonly HistoryItem[]
    readonly availableFunctions?: Functions | undefined
  }): { readonly contextText: TemplatedText; readonly stopGenerationTriggers: readonly unknown[] }
}

/** One text in the making. */
export interface Sequence {
  readonly tokenMeter: { readonly usedInputTokens: number; readonly usedOutputTokens: number }
  compareContextTokens(tokens: readonly Token[]): { readonly firstDifferentIndex: number }
  /** Keeps the beginning that is the same and drops the rest. */
  adaptStateToTokens(tokens: readonly Token[], allowShift: boolean): Promise<void>
  evaluateWithoutGeneratingNewTokens(tokens: readonly Token[]): Promise<void>
  readonly nextTokenIndex: number
}

export interface ContextOptions {
  readonly contextSize: number | { readonly min?: number; readonly max: number }
  readonly sequences?: number
  readonly threads: number
}

export interface Context {
  readonly contextSize: number
  getSequence(): Sequence
}

export interface EmbeddingContext {
  getEmbeddingFor(tokens: readonly Token[]): Promise<{ readonly vector: readonly number[] }>
  dispose(): Promise<void>
}

export interface Model {
  readonly tokenizer: unknown
  readonly trainContextSize: number
  readonly embeddingVectorSize: number
  readonly tokens: { readonly bos: Token | null; readonly shouldPrependBosToken: boolean }
  readonly fileInfo: {
    readonly metadata: { readonly tokenizer?: { readonly ggml?: { readonly tokens?: { readonly length: number } } } }
  }
  tokenize(text: string, specialTokens?: boolean): Token[]
  /** `before` is what was said before: it decides about spaces. */
  detokenize(tokens: readonly Token[], specialTokens?: boolean, before?: readonly Token[]): string
  createContext(options: ContextOptions): Promise<Context>
  createEmbeddingContext(options: Pick<ContextOptions, 'contextSize' | 'threads'>): Promise<EmbeddingContext>
  dispose(): Promise<void>
}

export interface Grammar {
  readonly grammar: string
}

/** What a generation goes by, in chats and in texts. */
export interface Generation {
  readonly signal: AbortSignal
  readonly maxTokens: number
  readonly temperature: number
  readonly topP: number
  readonly topK: number
  readonly minP: number
  readonly seed: number
  readonly repeatPenalty:
    | false
    | { readonly lastTokens: number; penalty: number; frequencyPenalty: number; presencePenalty: number }
  readonly customStopTriggers: readonly string[]
  readonly tokenBias?: unknown
  readonly grammar?: Grammar
}

export interface ResponseChunk {
  /** Undefined for the answer itself; reasoning comes in segments. */
  readonly segmentType?: 'thought' | 'comment' | undefined
  readonly text: string
  readonly tokens: readonly Token[]
}

export interface ParamsChunk {
  readonly callIndex: number
  readonly functionName: string
  readonly paramsChunk: string
}

export interface ChatGeneration extends Generation {
  readonly functions?: Functions
  readonly maxParallelFunctionCalls?: number
  onResponseChunk(chunk: ResponseChunk): void
  onFunctionCallParamsChunk?(chunk: ParamsChunk): void
}

export type StopReason =
  | 'eogToken'
  | 'stopGenerationTrigger'
  | 'customStopTrigger'
  | 'functionCalls'
  | 'maxTokens'
  | 'abort'

interface Ended {
  readonly metadata: { readonly stopReason: StopReason }
}

/** The exports of the package that are used. */
export interface LlamaModule {
  getLlama(options: Readonly<Record<string, unknown>>): Promise<Llama>
  resolveChatWrapper(model: Model, options: { readonly warningLogs: boolean }): ChatWrapper
  readonly LlamaChat: new (options: { readonly contextSequence: Sequence; readonly chatWrapper: ChatWrapper }) => {
    generateResponse(history: readonly HistoryItem[], options: ChatGeneration): Promise<Ended>
    dispose(): void
  }
  readonly LlamaCompletion: new (options: { readonly contextSequence: Sequence }) => {
    generateCompletionWithMeta(
      tokens: readonly Token[],
      options: Generation & { onToken(tokens: readonly Token[]): void; readonly contextShiftSize: number },
    ): Promise<Ended>
    dispose(): void
  }
  readonly TokenBias: { for(model: Model): { set(token: Token, bias: { readonly logit: number }): unknown } }
}

export interface Llama {
  loadModel(options: {
    readonly modelPath: string
    readonly gpuLayers?: number
    readonly loadSignal: AbortSignal
  }): Promise<Model>
  createGrammarForJsonSchema(schema: GrammarSchema): Promise<Grammar>
  dispose(): Promise<void>
}

/** A started engine. Disposing unloads everything. */
export interface LlamaEngine extends AsyncDisposable {
  readonly module: LlamaModule
  readonly llama: Llama
}

export interface EngineSettings {
  readonly gpu: 'auto' | 'metal' | 'cuda' | 'vulkan' | 'off'
  readonly threads: number
  readonly log: Log
  /** The folder whose `node_modules` may hold the package. */
  readonly packagesFolder: string | undefined
}

/** Starts the engine. Rejects with an `optional_package_*` error where it cannot. */
export async function createLlamaEngine(settings: EngineSettings): Promise<LlamaEngine> {
  const { gpu, threads, log, packagesFolder } = settings
  const module = await importOptionalPackage<LlamaModule>(llamaPackage, packagesFolder)
  try {
    const llama = await module.getLlama({
      gpu: gpu === 'off' ? false : gpu,
      build: 'never',
      skipDownload: true,
      progressLogs: false,
      logLevel: 'warn',
      logger: (level: string, message: string) => log.debug(`llama.cpp: ${message.trim()}`, { level }),
      maxThreads: threads,
    })
    return { module, llama, [Symbol.asyncDispose]: () => llama.dispose() }
  } catch (error) {
    if (isStackError(error)) throw error
    const reason = error instanceof Error ? error.message : String(error)
    const install = toInstallCommand(llamaPackage)
    throw new StackError('optional_package_broken', { package: llamaPackage.name, reason, install }, { cause: error })
  }
}
