/** Answers `POST /v1/responses/input_tokens`. */
import type { ChatCompletionRequest, InputTokenCount } from '@llama-stack/api'
import { stackHeaders } from '../../kernel/stack-headers.ts'
import type { TokenCounter } from './token-counter.ts'

/** The reply, and the headers that say how far to trust it. */
export interface InputTokensReply {
  readonly value: InputTokenCount
  readonly headers: Readonly<Record<string, string>>
}

/** Counts a request that was translated to a chat request; `model` is the name that the vendor knows it by. */
export async function countInputTokens(
  counter: TokenCounter,
  model: string,
  request: ChatCompletionRequest,
): Promise<InputTokensReply> {
  const { tokens, isEstimate } = await counter.count(model, request)
  return {
    value: { object: 'response.input_tokens', input_tokens: tokens },
    headers: isEstimate ? { [stackHeaders.notice]: 'estimate' } : {},
  }
}
