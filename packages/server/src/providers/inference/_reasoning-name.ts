/** What the assistant thought before, under the name that some servers look for. */
import { isRecord } from '../../kernel/json-record.ts'
import type { OutboundBody } from './_dialect.ts'

/**
 * Calls the reasoning in the messages of a chat `reasoning` where it is `reasoning_content`. Ollama and vLLM read the first
 * name; upstream sends it to them, and its recordings have it.
 */
export function renameReasoning(body: OutboundBody): OutboundBody {
  const { messages } = body
  if (!Array.isArray(messages) || !messages.some(hasOtherName)) return body
  return { ...body, messages: messages.map((message: unknown) => (hasOtherName(message) ? rename(message) : message)) }
}

function hasOtherName(message: unknown): message is Record<string, unknown> {
  return isRecord(message) && message['reasoning_content'] !== undefined && message['reasoning'] === undefined
}

function rename({ reasoning_content: reasoning, ...rest }: Record<string, unknown>): Record<string, unknown> {
  return { ...rest, reasoning }
}
