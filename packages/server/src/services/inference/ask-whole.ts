/** Whole chat completions as values, for parts of the server that ask models on their own account. */
import { bug } from '@llama-stack/api'
import type { CallContext, ChatCompletion, ChatCompletionRequest, Inference } from '@llama-stack/api'
import { parseReplyJson } from './parse-reply-json.ts'

/** Asks for a completion in one piece, which nobody keeps: whoever sent the request has not asked for it. */
export async function askWhole(
  inference: Pick<Inference, 'createChatCompletion'>,
  asked: ChatCompletionRequest,
  context: CallContext,
): Promise<ChatCompletion> {
  // Vendors refuse options of a stream without one.
  const { stream_options: _, ...request } = asked
  const reply = await inference.createChatCompletion({ ...request, stream: false, store: false }, context)
  if (reply.kind === 'value') return reply.value
  if (reply.kind !== 'bytes') return bug('a whole completion came as a stream')
  const text = typeof reply.bytes === 'string' ? reply.bytes : Buffer.from(reply.bytes).toString('utf8')
  // The service has checked what it relays.
  return parseReplyJson(request.model, text) as ChatCompletion
}
