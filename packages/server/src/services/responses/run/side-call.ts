/** A further call of a model that a response needs beside its turns: a summary, a repair. */
import { bug } from '@llama-stack/api'
import type { CallContext, ChatCompletion, ChatCompletionRequest, Inference } from '@llama-stack/api'
import { parseReplyJson } from '../../inference/parse-reply-json.ts'

/** Asks for a whole completion, which nobody keeps. */
export async function askAside(
  inference: Pick<Inference, 'createChatCompletion'>,
  request: ChatCompletionRequest,
  context: CallContext,
): Promise<ChatCompletion> {
  const reply = await inference.createChatCompletion({ ...request, stream: false, store: false }, context)
  if (reply.kind === 'value') return reply.value
  if (reply.kind !== 'bytes') return bug('a whole completion came as a stream')
  const text = typeof reply.bytes === 'string' ? reply.bytes : Buffer.from(reply.bytes).toString('utf8')
  // The service has checked what it relays.
  return parseReplyJson(request.model, text) as ChatCompletion
}
