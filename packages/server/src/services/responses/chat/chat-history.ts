/** What a model has been told so far: the chat messages, and the tool calls among them that nobody has answered yet. */
import { StackError } from '@llama-stack/api'
import type { ChatMessage } from '@llama-stack/api'

/**
 * A conversation that only grows. It is immutable: the history of a stored response can be kept and shared by every response
 * that continues it.
 */
export class ChatHistory {
  /** The history of a conversation that has not begun. */
  static readonly empty = new ChatHistory([], [])

  readonly messages: readonly ChatMessage[]
  /** The ids of calls without an output, in the order of the calls. */
  readonly openCalls: readonly string[]

  private constructor(messages: readonly ChatMessage[], openCalls: readonly string[]) {
    this.messages = messages
    this.openCalls = openCalls
  }

  /** The history with further messages at its end; itself where there are none. */
  append(added: readonly ChatMessage[]): ChatHistory {
    if (added.length === 0) return this
    const open = new Set(this.openCalls)
    for (const message of added) {
      if (message.role === 'tool') open.delete(message.tool_call_id)
      else if (message.role === 'assistant') {
        for (const { id } of message.tool_calls ?? []) if (id !== undefined) open.add(id)
      }
    }
    return new ChatHistory([...this.messages, ...added], [...open])
  }

  /** What the user said last. */
  lastUserContent(): unknown {
    return this.messages.findLast(({ role }) => role === 'user')?.content
  }
}

/** Refuses a history that no vendor would take: one in which a call still waits for its output, and is not about to get it. */
export function refuseOpenCalls(history: ChatHistory, answered: ReadonlySet<string> = new Set()): void {
  const callId = history.openCalls.find((id) => !answered.has(id))
  if (callId === undefined) return
  throw new StackError('invalid_value', {
    param: 'input',
    problem: `No tool output found for function call ${callId}`,
    fix: `Add {"type": "function_call_output", "call_id": "${callId}", "output": "…"} to it.`,
  })
}
