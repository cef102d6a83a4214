/** Further calls of the model that a response needs beside its turns: summaries, repairs. */
import { bug } from '@llama-stack/api'
import type { CallContext, ChatCompletion, ChatCompletionRequest, Inference, RequestRecord } from '@llama-stack/api'
import { parseReplyJson } from '../../inference/parse-reply-json.ts'
import { addRecord } from './request-record.ts'

/** Asks for a whole completion, which nobody keeps. */
export type AskAside = (request: ChatCompletionRequest) => Promise<ChatCompletion>

export interface SideCallOptions {
  readonly inference: Pick<Inference, 'createChatCompletion'>
  /** Without the record: a call has its own. */
  readonly context: Omit<CallContext, 'record'>
  /** To which the calls are added. */
  readonly record: RequestRecord | undefined
}

export function createAskAside({ inference, context, record: sum }: SideCallOptions): AskAside {
  return async (asked) => {
    // Vendors refuse options of a stream without one.
    const { stream_options: _, ...request } = asked
    const record: RequestRecord = {}
    try {
      const whole = { ...request, stream: false, store: false }
      const reply = await inference.createChatCompletion(whole, { ...context, record })
      if (reply.kind === 'value') return reply.value
      if (reply.kind !== 'bytes') return bug('a whole completion came as a stream')
      const text = typeof reply.bytes === 'string' ? reply.bytes : Buffer.from(reply.bytes).toString('utf8')
      // The service has checked what it relays.
      return parseReplyJson(request.model, text) as ChatCompletion
    } finally {
      if (sum !== undefined) addRecord(sum, record)
    }
  }
}
