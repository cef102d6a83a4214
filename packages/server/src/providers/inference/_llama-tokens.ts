/** Texts and token ids of a request as tokens of a model. */
import { StackError } from '@llama-stack/api'
import type { Model, Token } from './_llama-engine.ts'

/** Throws `invalid_value` for ids that the model has no token for: the engine would read beyond its tables. */
export function checkTokens(ids: readonly number[], model: Model, param: string): readonly Token[] {
  const size = model.fileInfo.metadata.tokenizer?.ggml?.tokens?.length ?? 0
  const wrong = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= size)
  if (wrong === undefined) return ids
  throw new StackError('invalid_value', {
    param,
    problem: `the model has ${size} tokens, numbered from 0`,
    value: String(wrong),
    fix: 'Send token ids of this model, or text.',
  })
}

/** The tokens of a text, or the checked ids. Throws `invalid_value` where there are none. */
export function toTokens(input: string | readonly number[], model: Model, param: string): readonly Token[] {
  const tokens = typeof input === 'string' ? model.tokenize(input) : checkTokens(input, model, param)
  if (tokens.length > 0) return tokens
  throw new StackError('invalid_value', { param, problem: 'it is empty', fix: 'Send some text.' })
}

/** One or several texts, or lists of token ids, as a list. */
export function toInputs(
  input: string | readonly string[] | readonly number[] | readonly (readonly number[])[],
): readonly (string | readonly number[])[] {
  if (typeof input === 'string') return [input]
  // One list of numbers is one text; the schema of the request keeps lists of one kind.
  return typeof input[0] === 'number'
    ? [input as readonly number[]]
    : (input as readonly (string | readonly number[])[])
}
