/** The bound on the pairs that clients attach to what is stored. The lengths of keys and values are bounded by the schema. */
import { StackError } from '@llama-stack/api'

const MAX_PAIRS = 16

/** Refuses more pairs than OpenAI allows. */
export function refuseTooManyPairs(metadata: Readonly<Record<string, string>> | null | undefined): void {
  const count = Object.keys(metadata ?? {}).length
  if (count <= MAX_PAIRS) return
  throw new StackError('invalid_value', {
    param: 'metadata',
    problem: `at most ${MAX_PAIRS} pairs are allowed`,
    value: `${count} pairs`,
    fix: 'Send fewer pairs.',
  })
}
