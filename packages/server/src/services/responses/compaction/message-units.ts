/** The parts of a conversation that can be left out or kept each by itself. */
import type { ChatMessage } from '@llama-stack/api'

/**
 * Messages that belong together: one alone, or calls of tools with their outputs. Vendors refuse an output without its call,
 * and a call without its output.
 */
export interface MessageUnit {
  readonly kind: 'instructions' | 'user' | 'other'
  readonly messages: readonly ChatMessage[]
}

/** Cuts a conversation into units; put together they are the conversation. */
export function toUnits(messages: readonly ChatMessage[]): readonly MessageUnit[] {
  const ends = toEnds(messages)
  const units: MessageUnit[] = []
  for (let start = 0; start < messages.length;) {
    let end = start
    // What stands between a call and its output belongs to both, with all that it reaches out to.
    for (let at = start; at <= end; at += 1) end = Math.max(end, ends[at] ?? at)
    const unit = messages.slice(start, end + 1)
    units.push({ kind: toKind(unit), messages: unit })
    start = end + 1
  }
  return units
}

/** What has to stay decides, wherever it stands. */
function toKind(messages: readonly ChatMessage[]): MessageUnit['kind'] {
  if (messages.some(({ role }) => role === 'system' || role === 'developer')) return 'instructions'
  return messages.some(({ role }) => role === 'user') ? 'user' : 'other'
}

/** For each message with calls, where the last of their outputs is. */
function toEnds(messages: readonly ChatMessage[]): readonly number[] {
  const ends = messages.map((_, index) => index)
  const callers = new Map<string, number>()
  for (const [index, message] of messages.entries()) {
    if (message.role === 'assistant') {
      for (const { id } of message.tool_calls ?? []) if (id !== undefined) callers.set(id, index)
    }
    const caller = message.role === 'tool' ? callers.get(message.tool_call_id) : undefined
    if (caller !== undefined) ends[caller] = index
  }
  return ends
}

/** The messages of units, in their order. */
export function toMessages(units: readonly MessageUnit[]): readonly ChatMessage[] {
  return units.flatMap(({ messages }) => messages)
}

/** Counts the tokens of a conversation, with everything that is sent beside it. */
export type CountMessages = (messages: readonly ChatMessage[]) => Promise<number>
