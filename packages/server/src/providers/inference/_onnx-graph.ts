/** A loaded graph: batches of token ids in, numbers out, whatever its inputs are called. */
import { StackError } from '@llama-stack/api'
import type { ModelFacts } from './_onnx-model-facts.ts'
import type { OnnxData, OnnxInput, OnnxRuntime, OnnxSession, OnnxTensor } from './_onnx-runtime.ts'
import type { TokenSequence } from './_onnx-tokenizer.ts'

/** What a graph computed for a batch. */
export interface GraphOutput {
  readonly values: Float32Array
  /** Texts first; then tokens, padding included, where there is a row for each. */
  readonly dims: readonly number[]
}

export interface GraphSettings {
  readonly runtime: OnnxRuntime
  readonly model: ModelFacts
  readonly threads: number
  readonly paddingId: number
}

/** The outputs that say most, first. */
const WANTED_OUTPUTS = Object.freeze({
  embedding: Object.freeze(['last_hidden_state', 'token_embeddings', 'sentence_embedding']),
  rerank: Object.freeze(['logits']),
})

/** Asks for the logits of so many last tokens only. */
const LAST_LOGITS = 'num_logits_to_keep'

/** A batch on its way into the graph. */
interface Batch {
  readonly sequences: readonly TokenSequence[]
  /** Tokens of the longest text. */
  readonly length: number
}

/** Opens the graph of a model. Throws `local_model_invalid` where it wants an input that nobody could give. */
export async function openGraph(settings: GraphSettings): Promise<Graph> {
  const { runtime, model, threads } = settings
  const session = await runtime.InferenceSession.create(model.graph, {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    logSeverityLevel: 3,
  })
  return new Graph(settings, session)
}

/** A graph in memory. */
export class Graph implements AsyncDisposable {
  readonly #settings: GraphSettings
  readonly #session: OnnxSession
  readonly #output: string
  readonly #feeders: readonly (readonly [name: string, feed: Feeder])[]
  /** Whether it gives the logits of the last column only, so that a batch must have no padding. */
  readonly takesOneText: boolean

  constructor(settings: GraphSettings, session: OnnxSession) {
    this.#settings = settings
    this.#session = session
    const { outputNames, inputMetadata } = session
    const wanted: readonly string[] = WANTED_OUTPUTS[settings.model.task.kind]
    this.#output = wanted.find((name) => outputNames.includes(name)) ?? outputNames[0] ?? ''
    this.#feeders = inputMetadata.map((input) => [input.name, toFeeder(input, settings)])
    this.takesOneText = inputMetadata.some(({ name }) => name === LAST_LOGITS)
  }

  /** Runs one batch; shorter texts are filled up on the right. */
  async run(sequences: readonly TokenSequence[]): Promise<GraphOutput> {
    const batch = { sequences, length: Math.max(...sequences.map(({ ids }) => ids.length)) }
    const feeds = Object.fromEntries(this.#feeders.map(([name, feed]) => [name, feed(batch)]))
    const { [this.#output]: output } = await this.#session.run(feeds, [this.#output])
    if (output === undefined) throw invalid(this.#settings.model, `it has no output '${this.#output}'`)
    return { values: toFloats(output.data), dims: output.dims }
  }

  /** Gives the memory of the weights back. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#session.release()
  }
}

/** Makes one input for a batch. */
type Feeder = (batch: Batch) => OnnxTensor

/** Numbers that there are for each token of each text. */
type PerToken = (sequence: TokenSequence, index: number) => number

function toFeeder(input: OnnxInput, { runtime, model, paddingId }: GraphSettings): Feeder {
  const perToken = (numberAt: PerToken): Feeder => {
    return ({ sequences, length }) => {
      const numbers = sequences.flatMap((sequence) => Array.from({ length }, (_, index) => numberAt(sequence, index)))
      return new runtime.Tensor(input.type, toData(input.type, numbers), [sequences.length, length])
    }
  }
  switch (input.name) {
    case 'input_ids':
      return perToken(({ ids }, index) => ids[index] ?? paddingId)
    case 'attention_mask':
      return perToken(({ ids }, index) => (index < ids.length ? 1 : 0))
    case 'token_type_ids':
      return perToken(({ types }, index) => Math.min(types[index] ?? 0, model.typeCount - 1))
    case 'position_ids':
      return perToken((_, index) => index)
    case LAST_LOGITS:
      return () => new runtime.Tensor(input.type, toData(input.type, [1]), input.shape.length === 0 ? [] : [1])
    case 'use_cache_branch':
      return () => new runtime.Tensor(input.type, toData(input.type, [0]), [1])
    default:
      if (!input.name.startsWith('past_key_values')) throw invalid(model, `its graph wants '${input.name}'`)
      // Nothing was computed before: as many texts as the batch has, no tokens.
      return ({ sequences }) => {
        const dims = input.shape.map((size, index) =>
          typeof size === 'number' ? size : index === 0 ? sequences.length : 0,
        )
        return new runtime.Tensor(input.type, toData(input.type, []), dims)
      }
  }
}

function toData(type: string, numbers: readonly number[]): OnnxData {
  switch (type) {
    case 'int64':
      return BigInt64Array.from(numbers, BigInt)
    case 'int32':
      return Int32Array.from(numbers)
    case 'float16':
      // Fed for an empty past only.
      return Uint16Array.from(numbers)
    case 'bool':
      return Uint8Array.from(numbers)
    default:
      return Float32Array.from(numbers)
  }
}

/** Half precision comes as an array of its own kind, which reads as numbers. */
function toFloats(data: OnnxData): Float32Array {
  return data instanceof Float32Array ? data : Float32Array.from(data, Number)
}

function invalid({ id, directory }: ModelFacts, reason: string): StackError {
  return new StackError('local_model_invalid', { model: id, folder: directory, reason })
}
