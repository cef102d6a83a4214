/** What the request log says of a response: the sum of its calls of models. */
import type { RequestRecord } from '@llama-stack/api'

/** Adds what one call was. */
export function addRecord(sum: RequestRecord, call: RequestRecord): void {
  const { attempts, inputTokens, outputTokens, totalTokens, firstByteMs, ...rest } = call
  Object.assign(sum, rest)
  if (attempts !== undefined) (sum.attempts ??= []).push(...attempts)
  if (inputTokens !== undefined) sum.inputTokens = (sum.inputTokens ?? 0) + inputTokens
  if (outputTokens !== undefined) sum.outputTokens = (sum.outputTokens ?? 0) + outputTokens
  if (totalTokens !== undefined) sum.totalTokens = (sum.totalTokens ?? 0) + totalTokens
  if (firstByteMs !== undefined) sum.firstByteMs ??= firstByteMs
}
