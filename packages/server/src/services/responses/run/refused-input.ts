/** What later responses are told of an input that guardrails refused: that there was one, and nothing that it said. */
import type { ChatMessage } from '@llama-stack/api'

const KEPT_BACK = 'A guardrail kept this back.'

/** The messages in place of the refused ones, with the answer that was given. Calls keep their answers: vendors insist on them. */
export function toRefusedInput(refused: readonly ChatMessage[], answer: string): ChatMessage[] {
  return [...refused.flatMap(withoutWords), { role: 'assistant', content: answer }]
}

function withoutWords(message: ChatMessage): ChatMessage[] {
  if (message.role === 'user') return [{ role: 'user', content: KEPT_BACK }]
  if (message.role === 'tool') return [{ role: 'tool', tool_call_id: message.tool_call_id, content: KEPT_BACK }]
  if (message.role !== 'assistant' || !message.tool_calls?.length) return []
  const calls = message.tool_calls.map((call) => ({ ...call, function: { ...call.function, arguments: '{}' } }))
  return [{ role: 'assistant', content: '', tool_calls: calls }]
}
