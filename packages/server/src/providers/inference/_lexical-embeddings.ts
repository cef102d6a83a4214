/** Answers an embeddings request with lexical vectors, in OpenAI's shape. */
import { setImmediate } from 'node:timers/promises'
import type { EmbeddingsRequest, EmbeddingsResponse } from '@llama-stack/api'
import { StackError } from '@llama-stack/api'
import { MAX_DIMENSION } from './_lexical-limits.ts'
import { toLexicalVector } from './_lexical-vector.ts'
import { countTokens } from './_token-count.ts'
import { encodeVector } from './_vector-encoding.ts'

/** How much text is worked on before other requests get a turn. */
const CHARACTERS_PER_TURN = 32_768

/** Embeds each text of a request. Throws `invalid_value` for token ids, an empty list and too many dimensions. */
export async function embedLexically(request: EmbeddingsRequest, dimension: number): Promise<EmbeddingsResponse> {
  const texts = parseTexts(request.input)
  const size = parseDimension(request.dimensions) ?? dimension
  const data: EmbeddingsResponse['data'] = []
  let tokens = 0
  let characters = 0
  for (const [index, text] of texts.entries()) {
    const vector = toLexicalVector(text, size)
    data.push({ object: 'embedding', index, embedding: encodeVector(vector, request.encoding_format) })
    tokens += countTokens(text)
    characters += text.length
    if (characters > CHARACTERS_PER_TURN) {
      characters = 0
      await setImmediate()
    }
  }
  return { object: 'list', data, model: request.model, usage: { prompt_tokens: tokens, total_tokens: tokens } }
}

function parseTexts(input: EmbeddingsRequest['input']): readonly string[] {
  if (typeof input === 'string') return [input]
  if (input.length === 0) {
    throw new StackError('invalid_value', { param: 'input', problem: 'there is nothing to embed', fix: 'Send a text.' })
  }
  return input.map((item) => {
    if (typeof item === 'string') return item
    throw new StackError('invalid_value', {
      param: 'input',
      problem: 'a lexical model has no vocabulary and takes no token ids',
      fix: 'Send the text itself.',
    })
  })
}

function parseDimension(dimensions: number | null | undefined): number | undefined {
  if (dimensions === undefined || dimensions === null) return undefined
  if (dimensions <= MAX_DIMENSION) return dimensions
  throw new StackError('invalid_value', {
    param: 'dimensions',
    problem: `at most ${MAX_DIMENSION} are computed`,
    value: String(dimensions),
    fix: 'Ask for fewer.',
  })
}
