/** Tokens of a response: the sum over its turns. */
import type { ResponseUsage } from '@llama-stack/api'
import { asRecord } from '../../../kernel/json-record.ts'

type Fields = Readonly<Record<string, unknown>>

/** What a chat completion used, as a response tells it; null where nobody told. */
export function toUsage(chat: Fields): ResponseUsage
export function toUsage(chat: Fields | null | undefined): ResponseUsage | null
export function toUsage(chat: Fields | null | undefined): ResponseUsage | null {
  if (chat === undefined || chat === null) return null
  const input = count(chat['prompt_tokens'])
  const output = count(chat['completion_tokens'])
  const cached = count(asRecord(chat['prompt_tokens_details'])['cached_tokens'])
  const reasoning = count(asRecord(chat['completion_tokens_details'])['reasoning_tokens'])
  const total = chat['total_tokens'] === undefined ? input + output : count(chat['total_tokens'])
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: cached },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: total,
  }
}

/** The sum of two turns; null is a turn of which nothing is known. */
export function addUsage(a: ResponseUsage | null, b: ResponseUsage | null): ResponseUsage | null {
  if (a === null || b === null) return a ?? b
  return {
    input_tokens: a.input_tokens + b.input_tokens,
    input_tokens_details: {
      cached_tokens: a.input_tokens_details.cached_tokens + b.input_tokens_details.cached_tokens,
    },
    output_tokens: a.output_tokens + b.output_tokens,
    output_tokens_details: {
      reasoning_tokens: a.output_tokens_details.reasoning_tokens + b.output_tokens_details.reasoning_tokens,
    },
    total_tokens: a.total_tokens + b.total_tokens,
  }
}

function count(of: unknown): number {
  return typeof of === 'number' && Number.isFinite(of) ? of : 0
}
