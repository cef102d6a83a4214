/** What is to be embedded, for vendors that take nothing but texts. */
import { StackError } from '@llama-stack/api'
import type { EmbeddingsRequest } from '@llama-stack/api'

/** The texts of a request. Throws `invalid_value` for token ids. */
export function parseTexts(input: EmbeddingsRequest['input']): readonly string[] {
  const texts: readonly unknown[] = typeof input === 'string' ? [input] : input
  return texts.map((text) => {
    if (typeof text === 'string') return text
    throw tokensRefused()
  })
}

/** The refusal of token ids, where a vendor takes texts alone. */
export function tokensRefused(): StackError {
  return new StackError('invalid_value', {
    param: 'input',
    problem: 'this provider does not take token ids',
    fix: 'Send the text itself.',
  })
}
