/** Vectors of a GGUF model, in OpenAI's shape. */
import { StackError } from '@llama-stack/api'
import type { EmbeddingsRequest, EmbeddingsResponse } from '@llama-stack/api'
import { roomFor } from './_llama-model.ts'
import type { LoadedEmbedder } from './_llama-model.ts'
import { toInputs, toTokens } from './_llama-tokens.ts'
import { encodeVector } from './_vector-encoding.ts'

/** Room for the tokens that the engine puts before and after a text. */
const RESERVED_TOKENS = 3

/** Embeds every input, in order. All are checked before the first is evaluated. */
export async function embedInputs(
  loaded: LoadedEmbedder,
  request: EmbeddingsRequest,
  signal: AbortSignal,
): Promise<EmbeddingsResponse> {
  const { model } = loaded
  checkDimensions(request.dimensions, model.embeddingVectorSize)
  const inputs = toInputs(request.input).map((input) => toTokens(input, model, 'input'))
  if (inputs.length === 0) {
    throw new StackError('invalid_value', { param: 'input', problem: 'there is nothing to embed', fix: 'Send a text.' })
  }
  for (const tokens of inputs) roomFor(loaded, tokens.length, { reserved: RESERVED_TOKENS, param: 'input' })
  const data: EmbeddingsResponse['data'] = []
  for (const [index, tokens] of inputs.entries()) {
    const vector = normalise(await loaded.embed(tokens, signal))
    data.push({ object: 'embedding', index, embedding: encodeVector(vector, request.encoding_format) })
  }
  const tokens = inputs.reduce((sum, { length }) => sum + length, 0)
  return { object: 'list', data, model: request.model, usage: { prompt_tokens: tokens, total_tokens: tokens } }
}

/** A shorter vector is only meaningful for models that were trained for it, and no GGUF file says so. */
function checkDimensions(wanted: number | null | undefined, actual: number): void {
  if (wanted === undefined || wanted === null || wanted === actual) return
  throw new StackError('invalid_value', {
    param: 'dimensions',
    problem: `the model's vectors have ${actual}`,
    value: String(wanted),
    fix: 'Leave it out.',
  })
}

function normalise(vector: readonly number[]): Float32Array {
  const length = Math.hypot(...vector)
  return Float32Array.from(vector, (value) => (length === 0 ? 0 : value / length))
}
