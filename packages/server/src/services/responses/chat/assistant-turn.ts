/** One turn of a model as the message that later turns are told of. */
import type { ChatMessage, ToolCall } from '@llama-stack/api'
import { isRecord } from '../../../kernel/json-record.ts'

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

/** A call as it stands in a message. What a model has written wrongly is put so that vendors take it, for the model to see. */
export function toToolCall({ index, id, name, arguments: text, extra }: TurnCall) {
  const called = { name: name === '' ? NAMELESS : name, arguments: toArguments(text) }
  return { index, id, type: 'function', function: called, ...extra }
}

/** The calls that a message tells of. What vendors leave out is an empty text. */
export function fromToolCalls(
  calls: readonly ToolCall[] | null | undefined,
): readonly Pick<TurnCall, 'id' | 'name' | 'arguments'>[] {
  return (calls ?? []).map(({ id = '', function: called }) => ({
    id,
    name: called?.name ?? '',
    arguments: called?.arguments ?? '',
  }))
}

/** Vendors refuse the empty name. */
const NAMELESS = 'unnamed'

/** Vendors read arguments, and refuse those that are no JSON object. */
function toArguments(text: string): string {
  if (text.trim() === '') return '{}'
  try {
    if (isRecord(JSON.parse(text))) return text
  } catch {
    // As what stands in an object.
  }
  return JSON.stringify({ input: text })
}
