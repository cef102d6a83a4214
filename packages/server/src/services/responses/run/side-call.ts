/** Further calls of the model that a response needs beside its turns: summaries, repairs. */
import type { CallContext, ChatCompletion, ChatCompletionRequest, Inference, RequestRecord } from '@llama-stack/api'
import { askWhole } from '../../inference/ask-whole.ts'
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
  return async (request) => {
    const record: RequestRecord = {}
    try {
      return await askWhole(inference, request, { ...context, record })
    } finally {
      if (sum !== undefined) addRecord(sum, record)
    }
  }
}
