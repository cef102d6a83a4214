/** A model in its thread: from inputs to vectors or scores. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Tokenizer } from '@huggingface/tokenizers'
import { StackError } from '@llama-stack/api'
import { openGraph } from './_onnx-graph.ts'
import type { Graph, GraphOutput } from './_onnx-graph.ts'
import type { EmbeddingTask, ModelFacts, RerankTask } from './_onnx-model-facts.ts'
import { normalize, pool } from './_onnx-pooling.ts'
import { toPrompter } from './_onnx-rerank-prompt.ts'
import type { OnnxRuntime } from './_onnx-runtime.ts'
import type { ModelInput, ModelOutput } from './_onnx-thread-messages.ts'
import { ModelTokenizer } from './_onnx-tokenizer.ts'
import type { TokenSequence } from './_onnx-tokenizer.ts'

/** Tokens of a batch, padding included: attention over more of them needs gigabytes and is no faster on a CPU. */
const MAX_BATCH_TOKENS = 8192
const MAX_BATCH_TEXTS = 32
/** Bounds the logits of one batch, of which there is one for each token and each word of the vocabulary. */
const MAX_LOGITS = 128 * 1024 * 1024

/** A text ready to be computed, and where its result goes. */
interface Prepared extends TokenSequence {
  readonly index: number
  /** Tokens at the beginning that are not pooled. */
  readonly skipped: number
}

/** Reads one text's row out of what the graph computed for its batch. */
type Reader = (output: GraphOutput, row: number, prepared: Prepared) => Float32Array

/** A model with its weights in memory. */
export interface LoadedModel extends AsyncDisposable {
  run(inputs: readonly ModelInput[]): Promise<ModelOutput>
}

/** Loads the tokeniser and the weights. Rejects with whatever is wrong with them. */
export async function loadModel(runtime: OnnxRuntime, model: ModelFacts, threads: number): Promise<LoadedModel> {
  const tokenizer = await openTokenizer(model)
  const graph = await openGraph({ runtime, model, threads, paddingId: tokenizer.paddingId })
  const prepare = toPreparer(model, tokenizer)
  const read = toReader(model, tokenizer)
  const limits = toLimits(model, graph)
  return {
    async run(inputs) {
      const prepared = inputs.map((input, index) => prepare(input, index))
      const rows: Float32Array[] = []
      for (const batch of toBatches(prepared, limits)) {
        const output = await graph.run(batch)
        for (const [row, text] of batch.entries()) rows[text.index] = read(output, row, text)
      }
      const width = rows[0]?.length ?? 0
      const values = new Float32Array(width * rows.length)
      for (const [index, row] of rows.entries()) values.set(row, index * width)
      return { values, width, tokens: prepared.map(({ ids }) => ids.length) }
    },
    [Symbol.asyncDispose]: () => graph[Symbol.asyncDispose](),
  }
}

async function openTokenizer(model: ModelFacts): Promise<ModelTokenizer> {
  const [tokenizer, config] = await Promise.all([
    readFile(join(model.directory, 'tokenizer.json'), 'utf8'),
    readFile(join(model.directory, 'tokenizer_config.json'), 'utf8').catch(() => '{}'),
  ])
  // The library checks what it reads.
  const parsed = new Tokenizer(JSON.parse(tokenizer) as object, JSON.parse(config) as object)
  return new ModelTokenizer(parsed, model.paddingToken)
}

function toPreparer(
  { task, contextLength, lowerCase }: ModelFacts,
  tokenizer: ModelTokenizer,
): (input: ModelInput, index: number) => Prepared {
  const cut = (text: string): number[] => tokenizer.cut(lowerCase ? text.toLowerCase() : text, contextLength)
  const prompter = task.kind === 'rerank' && task.prompted ? toPrompter(tokenizer, contextLength) : undefined
  const assemble = (input: ModelInput): TokenSequence => {
    if (input.kind === 'tokens') return tokenizer.assemble([input.ids], contextLength)
    // White space around a text is no part of it for sentence-transformers.
    if (input.kind === 'text') return tokenizer.assemble([cut(`${input.prompt}${input.text}`.trim())], contextLength)
    return (
      prompter?.(input.query, input.text) ??
      tokenizer.assemble([cut(input.query.trim()), cut(input.text.trim())], contextLength)
    )
  }
  const countSkipped = (input: ModelInput, length: number): number => {
    const skips = task.kind === 'embedding' && !task.poolsPrompt && input.kind === 'text' && input.prompt !== ''
    return skips ? Math.min(tokenizer.leading + cut(input.prompt.trim()).length, length - 1) : 0
  }
  return (input, index) => {
    const { ids, types } = assemble(input)
    // A text of no tokens, where the model adds none of its own, is one token of padding: there must be a row.
    if (ids.length === 0) return { ids: [tokenizer.paddingId], types: [0], index, skipped: 0 }
    return { ids, types, index, skipped: countSkipped(input, ids.length) }
  }
}

interface BatchLimits {
  readonly tokens: number
  readonly texts: number
}

function toLimits({ task, vocabularySize }: ModelFacts, graph: Graph): BatchLimits {
  if (graph.takesOneText) return { tokens: 0, texts: 1 }
  if (task.kind === 'embedding' || task.reads === 'label') return { tokens: MAX_BATCH_TOKENS, texts: MAX_BATCH_TEXTS }
  return { tokens: Math.floor(MAX_LOGITS / (vocabularySize ?? MAX_LOGITS)), texts: MAX_BATCH_TEXTS }
}

/** Texts of like length together, so that little of a batch is padding. One text that is too long is a batch of its own. */
function* toBatches(prepared: readonly Prepared[], limits: BatchLimits): Generator<Prepared[]> {
  let batch: Prepared[] = []
  for (const text of prepared.toSorted((left, right) => left.ids.length - right.ids.length)) {
    const isFull = batch.length === limits.texts || (batch.length + 1) * text.ids.length > limits.tokens
    if (isFull && batch.length > 0) {
      yield batch
      batch = []
    }
    batch.push(text)
  }
  if (batch.length > 0) yield batch
}

function toReader(model: ModelFacts, tokenizer: ModelTokenizer): Reader {
  const { task } = model
  if (task.kind === 'embedding') return toVectorReader(task)
  return toScoreReader(task, model, tokenizer)
}

function toVectorReader(task: EmbeddingTask): Reader {
  return ({ values, dims }, row, { ids, skipped }) => {
    const width = dims.at(-1) ?? 0
    // Two dimensions: the graph has pooled already.
    const vector =
      dims.length === 2
        ? values.slice(row * width, (row + 1) * width)
        : pool({ values, offset: row * (dims[1] ?? 0) * width, length: ids.length, width, skipped }, task.pooling)
    return task.normalizes ? normalize(vector) : vector
  }
}

/** Scores are probabilities. */
function toScoreReader(task: RerankTask, model: ModelFacts, tokenizer: ModelTokenizer): Reader {
  const invalid = (reason: string) =>
    new StackError('local_model_invalid', { model: model.id, folder: model.directory, reason })
  if (task.reads === 'yes_no') {
    const [yes, no] = [tokenizer.findId('yes'), tokenizer.findId('no')]
    if (yes === undefined || no === undefined) throw invalid('its vocabulary has no yes and no')
    return ({ values, dims: [, length = 0, width = 0] }, row, { ids }) => {
      // A graph that gives the last logits only gives one row.
      const last = (row * length + Math.min(ids.length, length) - 1) * width
      return Float32Array.of(toProbability((values[last + yes] ?? 0) - (values[last + no] ?? 0)))
    }
  }
  return ({ values, dims: [, labels = 1] }, row) => {
    const first = values[row * labels] ?? 0
    if (labels > 2) throw invalid(`it has ${labels} labels where a reranker has one or two`)
    return Float32Array.of(toProbability(labels === 1 ? first : (values[row * labels + 1] ?? 0) - first))
  }
}

function toProbability(logit: number): number {
  return 1 / (1 + Math.exp(-logit))
}
