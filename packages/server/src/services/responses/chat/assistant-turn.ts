/** One turn of a model as the message that later turns are told of. */
import type { ChatMessage } from '@llama-stack/api'

/** A call of a tool that the model made. */
export interface TurnCall {
  /** Its place among the calls of the turn, as the provider counted. */
  readonly index: number
  readonly id: string
  readonly name: string
  /** JSON text, as the model wrote it. */
  readonly arguments: string
  /** What else the provider said of the call and wants back: a signature. */
  readonly extra?: Readonly<Record<string, unknown>> | undefined
}

/** What a model said and did in one turn. */
export interface Turn {
  readonly text: string
  readonly calls: readonly TurnCall[]
  readonly reasoning?: string | undefined
  readonly refusal?: string | undefined
  /** Members of the message that only the provider can read and that it wants back. */
  readonly extra?: Readonly<Record<string, unknown>> | undefined
}

/** The message of a turn. */
export function toAssistantMessage(turn: Turn): ChatMessage {
  const { text, calls, reasoning, refusal, extra } = turn
  return {
    role: 'assistant',
    content: text,
    ...(calls.length === 0 ? {} : { tool_calls: calls.map(toToolCall) }),
    ...(reasoning === undefined || reasoning === '' ? {} : { reasoning_content: reasoning }),
    ...(refusal === undefined || refusal === '' ? {} : { refusal }),
    ...extra,
  }
}

/** A call as it stands in a message; vendors refuse arguments that are the empty text. */
export function toToolCall({ index, id, name, arguments: text, extra }: TurnCall) {
  return { index, id, type: 'function', function: { name, arguments: text === '' ? '{}' : text }, ...extra }
}
