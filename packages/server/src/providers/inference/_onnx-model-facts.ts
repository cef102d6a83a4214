/**
 * What the files of a model folder say about it: what it computes, how its vectors are pooled, how long its texts may be.
 *
 * The files are those of sentence-transformers and of Hugging Face: `config.json`, `modules.json` and what it names,
 * `sentence_bert_config.json`, `config_sentence_transformers.json`, `tokenizer_config.json`.
 */
import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StackError } from '@llama-stack/api'
import * as z from 'zod'
import { parseOnce } from '../../kernel/parse-once.ts'
import { isMatryoshka, toCardPrompts } from './_onnx-model-sources.ts'

/** How one vector comes from the vectors of a text's tokens. */
export type PoolingMode = 'cls' | 'max' | 'mean' | 'mean_sqrt_len' | 'weightedmean' | 'lasttoken'

/** What the worker has to know to run a model. */
export interface ModelFacts {
  readonly id: string
  readonly directory: string
  /** The path of the graph. */
  readonly graph: string
  readonly task: EmbeddingTask | RerankTask
  /** Tokens per text; what is beyond is cut off, as sentence-transformers does. */
  readonly contextLength: number
  /** Ids from here on are no tokens. */
  readonly vocabularySize: number | undefined
  /** How many kinds of token the model tells apart. */
  readonly typeCount: number
  readonly lowerCase: boolean
  readonly paddingToken: string | undefined
}

export interface EmbeddingTask {
  readonly kind: 'embedding'
  readonly dimension: number
  /** Several are put one after the other. */
  readonly pooling: readonly PoolingMode[]
  /** Whether the tokens of a prompt count when vectors are pooled. */
  readonly poolsPrompt: boolean
  readonly normalizes: boolean
  /** Texts that go before the input, by name. */
  readonly prompts: Readonly<Record<string, string>>
  readonly defaultPrompt: string | undefined
  /** Whether the beginning of a vector is a vector (Matryoshka training). */
  readonly shortens: boolean
}

export interface RerankTask {
  readonly kind: 'rerank'
  /** A label's logit, or the next token being `yes` rather than `no`. */
  readonly reads: 'label' | 'yes_no'
  /** Whether query and text are put into Qwen's prompt rather than fed as a pair. */
  readonly prompted: boolean
}

/** Graphs in the order in which they are preferred: full precision first. */
export const GRAPH_FILES = Object.freeze([
  'onnx/model.onnx',
  'onnx/model_quantized.onnx',
  'onnx/model_int8.onnx',
  'onnx/model_fp16.onnx',
  'model.onnx',
  'model_quantized.onnx',
])

/** Without a word of the files: what BERT takes. */
const DEFAULT_CONTEXT_LENGTH = 512
/** The files of Qwen3-Reranker allow 32,768: minutes on a CPU, and 20 GB of logits. */
const PROMPTED_CONTEXT_LENGTH = 2048
/** Architectures whose positions begin after the padding token's, so that two of them are no positions of text. */
const OFFSET_POSITIONS = /^(?:roberta|xlm-roberta|camembert|mpnet)$/

/** Architectures that give a vector for each token. */
const ENCODER = /(?:Model|ForMaskedLM)$/

const ModelConfig = z.looseObject({
  architectures: z.array(z.string()).nullish(),
  model_type: z.string().nullish(),
  hidden_size: z.int().nullish(),
  n_embd: z.int().nullish(),
  dim: z.int().nullish(),
  d_model: z.int().nullish(),
  vocab_size: z.int().nullish(),
  type_vocab_size: z.int().nullish(),
  max_position_embeddings: z.int().nullish(),
  n_positions: z.int().nullish(),
  matryoshka_dimensions: z.array(z.int()).nullish(),
})
type ModelConfig = z.infer<typeof ModelConfig>

const Modules = z.array(z.looseObject({ type: z.string(), path: z.string() }))
const PoolingConfig = z.looseObject({
  word_embedding_dimension: z.int().nullish(),
  include_prompt: z.boolean().nullish(),
  pooling_mode: z.union([z.string(), z.array(z.string())]).nullish(),
})
const TransformerConfig = z.looseObject({ max_seq_length: z.int().nullish(), do_lower_case: z.boolean().nullish() })
const SentenceConfig = z.looseObject({
  prompts: z.record(z.string(), z.string()).nullish(),
  default_prompt_name: z.string().nullish(),
})
const TokenizerConfig = z.looseObject({
  model_max_length: z.number().nullish(),
  pad_token: z.union([z.string(), z.looseObject({ content: z.string() })]).nullish(),
})

/** sentence-transformers' own order, in which several modes are put together. */
const POOLING_KEYS: readonly (readonly [key: string, mode: PoolingMode])[] = Object.freeze([
  ['pooling_mode_cls_token', 'cls'],
  ['pooling_mode_max_tokens', 'max'],
  ['pooling_mode_mean_tokens', 'mean'],
  ['pooling_mode_mean_sqrt_len_tokens', 'mean_sqrt_len'],
  ['pooling_mode_weightedmean_tokens', 'weightedmean'],
  ['pooling_mode_lasttoken', 'lasttoken'],
])

/** A folder that may hold a model. */
export interface ModelPlace {
  readonly id: string
  readonly directory: string
  /** The operator's limit of tokens per text. */
  readonly contextLength: number | undefined
}

/** Reads a folder. Undefined where it holds no ONNX model; throws `local_model_invalid` where its files make no sense. */
export async function findModelFacts(place: ModelPlace): Promise<ModelFacts | undefined> {
  const { directory } = place
  const graph = await findGraph(directory)
  if (graph === undefined || !(await exists(join(directory, 'tokenizer.json')))) return undefined
  return findFactsOfGraph(place, graph)
}

/** Reads what stands beside a graph, which itself need not be there yet. Undefined where it embeds and ranks nothing. */
export async function findFactsOfGraph(place: ModelPlace, graph: string): Promise<ModelFacts | undefined> {
  const { id, directory, contextLength } = place
  const files = new ModelFiles(id, directory)
  const config = await files.find('config.json', ModelConfig)
  if (config === undefined) return undefined
  const tokenizer = await files.find('tokenizer_config.json', TokenizerConfig)
  const transformer = await files.find('sentence_bert_config.json', TransformerConfig)
  const task = findRerankTask(id, config) ?? (await findEmbeddingTask(files, config))
  if (task === undefined) return undefined
  const padding = tokenizer?.pad_token
  return {
    id,
    directory,
    graph,
    task,
    contextLength: Math.min(
      transformer?.max_seq_length ?? toContextLength(config, tokenizer?.model_max_length),
      contextLength ?? (task.kind === 'rerank' && task.prompted ? PROMPTED_CONTEXT_LENGTH : Infinity),
    ),
    vocabularySize: config.vocab_size ?? undefined,
    typeCount: config.type_vocab_size ?? 1,
    lowerCase: transformer?.do_lower_case ?? false,
    paddingToken: (typeof padding === 'object' ? padding?.content : padding) ?? undefined,
  }
}

async function findGraph(directory: string): Promise<string | undefined> {
  for (const name of GRAPH_FILES) {
    const path = join(directory, name)
    if (await exists(path)) return path
  }
  return undefined
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

/** The JSON files of one folder. */
class ModelFiles {
  readonly id: string
  readonly #directory: string

  constructor(id: string, directory: string) {
    this.id = id
    this.#directory = directory
  }

  /** Undefined where there is no such file. */
  async find<Schema extends z.ZodType>(name: string, schema: Schema): Promise<z.infer<Schema> | undefined> {
    const text = await readFile(join(this.#directory, name), 'utf8').catch(() => undefined)
    if (text === undefined) return undefined
    let json: unknown
    try {
      json = JSON.parse(text)
    } catch {
      throw this.invalid(`${name} is not JSON`)
    }
    const parsed = schema.safeParse(json, parseOnce)
    if (parsed.success) return parsed.data
    const [issue] = parsed.error.issues
    throw this.invalid(`${name} is not as expected at '${issue?.path.join('.') ?? ''}'`)
  }

  invalid(reason: string): StackError {
    return new StackError('local_model_invalid', { model: this.id, folder: this.#directory, reason })
  }
}

function findRerankTask(id: string, config: ModelConfig): RerankTask | undefined {
  const [architecture = ''] = config.architectures ?? []
  const prompted = config.model_type?.startsWith('qwen') ?? false
  if (architecture.endsWith('ForSequenceClassification')) return { kind: 'rerank', reads: 'label', prompted }
  // Nothing in the files of Qwen3-Reranker tells it from a chat model but its name.
  const writes = architecture.endsWith('ForCausalLM') && /rerank/i.test(id)
  return writes ? { kind: 'rerank', reads: 'yes_no', prompted: true } : undefined
}

/**
 * An encoder without `modules.json` is what sentence-transformers makes of it: the mean of the tokens, as long as it is.
 * Other models without it (chat, speech, images) embed nothing.
 */
async function findEmbeddingTask(files: ModelFiles, config: ModelConfig): Promise<EmbeddingTask | undefined> {
  const listed = await files.find('modules.json', Modules)
  if (listed === undefined && !ENCODER.test(config.architectures?.[0] ?? '')) return undefined
  const modules = listed ?? []
  const sentence = await files.find('config_sentence_transformers.json', SentenceConfig)
  const [pooling, normalizes] = [findModule(modules, 'Pooling'), findModule(modules, 'Normalize')]
  const unknown = modules.find(({ type }) => !/\.(?:Transformer|Pooling|Normalize)$/.test(type))
  if (unknown !== undefined) throw files.invalid(`it has a layer that cannot be run (${unknown.type})`)
  const settings = pooling && (await files.find(join(pooling.path, 'config.json'), PoolingConfig))
  const modes = toPoolingModes(settings)
  const width =
    settings?.word_embedding_dimension ?? config.hidden_size ?? config.n_embd ?? config.dim ?? config.d_model
  if (width === undefined || width === null) throw files.invalid('config.json does not say how long its vectors are')
  return {
    kind: 'embedding',
    dimension: width * modes.length,
    pooling: modes,
    poolsPrompt: settings?.include_prompt ?? true,
    normalizes: normalizes !== undefined,
    prompts: { ...toCardPrompts(files.id), ...sentence?.prompts },
    defaultPrompt: sentence?.default_prompt_name ?? undefined,
    shortens: (config.matryoshka_dimensions ?? []).length > 0 || isMatryoshka(files.id),
  }
}

function findModule(modules: z.infer<typeof Modules>, name: string): { readonly path: string } | undefined {
  return modules.find(({ type }) => type.endsWith(`.${name}`))
}

function toPoolingModes(settings: z.infer<typeof PoolingConfig> | undefined): PoolingMode[] {
  const named = settings?.pooling_mode ?? []
  const names: readonly string[] = typeof named === 'string' ? [named] : named
  const modes = POOLING_KEYS.filter(
    ([key, mode]) => settings?.[key] === true || names.includes(mode) || names.includes(`${mode}_tokens`),
  ).map(([, mode]) => mode)
  return modes.length === 0 ? ['mean'] : modes
}

function toContextLength(config: ModelConfig, tokenizerLimit: number | null | undefined): number {
  const offset = OFFSET_POSITIONS.test(config.model_type ?? '') ? 2 : 0
  const positions = config.max_position_embeddings ?? config.n_positions
  // Tokenisers without a limit say so with a number of thirty digits.
  const shortest = Math.min(tokenizerLimit ?? Infinity, (positions ?? Infinity) - offset)
  return Number.isSafeInteger(shortest) ? shortest : DEFAULT_CONTEXT_LENGTH
}
