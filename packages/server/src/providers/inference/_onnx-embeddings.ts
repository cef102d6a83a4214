/** Answers an embeddings request with a model of this machine, in OpenAI's shape. */
import { setImmediate } from 'node:timers/promises'
import type { EmbeddingsRequest, EmbeddingsResponse } from '@llama-stack/api'
import { bug, StackError } from '@llama-stack/api'
import type { EmbeddingTask } from './_onnx-model-facts.ts'
import type { OnnxModel } from './_onnx-models.ts'
import { shorten } from './_onnx-pooling.ts'
import type { ModelInput } from './_onnx-thread-messages.ts'
import { encodeVector } from './_vector-encoding.ts'

/** How many vectors are written before other requests get a turn. */
const VECTORS_PER_TURN = 128

/** The names under which models keep their prompts for what `input_type` says in the APIs of Cohere, NVIDIA and Voyage. */
const PROMPT_NAMES: Readonly<Record<string, readonly string[]>> = Object.freeze({
  query: Object.freeze(['query', 'search_query']),
  search_query: Object.freeze(['query', 'search_query']),
  document: Object.freeze(['document', 'passage', 'search_document']),
  passage: Object.freeze(['passage', 'document', 'search_document']),
  search_document: Object.freeze(['document', 'passage', 'search_document']),
})

/**
 * Embeds each input. A prompt goes before a text as sentence-transformers does it: the one that `prompt_name` names, else
 * the one that fits `input_type`, else the model's default. `usage` counts what the model was fed, special tokens included.
 */
export async function embedWithModel(
  { facts, thread }: OnnxModel,
  request: EmbeddingsRequest,
  signal: AbortSignal,
): Promise<EmbeddingsResponse> {
  const { task, vocabularySize } = facts
  if (task.kind !== 'embedding') return bug(`${facts.id} is no embedding model`)
  const dimension = parseDimension(task, request)
  const inputs = parseInputs(request.input, { prompt: findPrompt(task, request), vocabularySize })
  const { rows, tokens } = await thread.run(inputs, signal)
  const data: EmbeddingsResponse['data'] = []
  for (const [index, row] of rows.entries()) {
    const vector = dimension === undefined ? row : shorten(row, dimension)
    data.push({ object: 'embedding', index, embedding: encodeVector(vector, request.encoding_format) })
    if (index % VECTORS_PER_TURN === VECTORS_PER_TURN - 1) await setImmediate()
  }
  const total = tokens.reduce((sum, count) => sum + count, 0)
  return { object: 'list', data, model: request.model, usage: { prompt_tokens: total, total_tokens: total } }
}

interface InputFacts {
  readonly prompt: string
  readonly vocabularySize: number | undefined
}

function parseInputs(
  input: EmbeddingsRequest['input'],
  { prompt, vocabularySize = Infinity }: InputFacts,
): ModelInput[] {
  if (typeof input === 'string') return [{ kind: 'text', prompt, text: input }]
  if (input.length === 0) {
    throw new StackError('invalid_value', { param: 'input', problem: 'there is nothing to embed', fix: 'Send a text.' })
  }
  const [first] = input
  // The schema lets no array through that mixes its kinds.
  if (typeof first === 'string') return (input as string[]).map((text) => ({ kind: 'text', prompt, text }))
  const lists = typeof first === 'number' ? [input as number[]] : (input as number[][])
  return lists.map((ids) => {
    const unknown = ids.find((id) => id < 0 || id >= vocabularySize)
    if (unknown === undefined) return { kind: 'tokens', ids }
    throw new StackError('invalid_value', {
      param: 'input',
      problem: `the model has ${vocabularySize} tokens`,
      value: `token id ${unknown}`,
      fix: 'Send the text itself: the ids of OpenAI’s tokenisers are not those of this model.',
    })
  })
}

/** How many numbers of each vector are kept; undefined for all. */
function parseDimension(task: EmbeddingTask, { dimensions, model }: EmbeddingsRequest): number | undefined {
  if (dimensions === undefined || dimensions === null || dimensions === task.dimension) return undefined
  if (task.shortens && dimensions < task.dimension) return dimensions
  throw new StackError('invalid_value', {
    param: 'dimensions',
    problem: task.shortens
      ? `the vectors of '${model}' have ${task.dimension} at most`
      : `the vectors of '${model}' have ${task.dimension} and were not trained to be shortened`,
    value: String(dimensions),
    fix: `Leave it out, or ask for ${task.dimension}.`,
  })
}

function findPrompt({ prompts, defaultPrompt }: EmbeddingTask, request: EmbeddingsRequest): string {
  const { prompt_name: name, input_type: type } = request
  if (name !== undefined && name !== null) {
    const prompt = typeof name === 'string' ? prompts[name] : undefined
    if (prompt !== undefined) return prompt
    throw new StackError('invalid_value', {
      param: 'prompt_name',
      problem: 'the model has no prompt of that name',
      value: JSON.stringify(name),
      fix: `It has: ${Object.keys(prompts).join(', ') || 'none'}.`,
    })
  }
  const names = (typeof type === 'string' ? PROMPT_NAMES[type] : undefined) ?? [defaultPrompt ?? '']
  return names.map((candidate) => prompts[candidate]).find((prompt) => prompt !== undefined) ?? ''
}
