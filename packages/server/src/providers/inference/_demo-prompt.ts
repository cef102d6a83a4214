/** What the demo models read of a conversation. */
import type { ChatCompletionRequest, ChatMessage } from '@llama-stack/api'
import { isRecord } from '../../kernel/json-record.ts'
import { countTokens } from './_token-count.ts'

/** What a tool said, and which tool it was. */
export interface ToolResult {
  /** `tool` where the conversation does not tell. */
  readonly name: string
  readonly text: string
}

/** The last thing that the user said, and what tools have answered since. */
export interface Turn {
  readonly question: string
  readonly results: readonly ToolResult[]
}

/** An image costs what OpenAI asks for one of low detail. */
const IMAGE_TOKENS = 85
/** What the framing of a message costs in OpenAI's chat format. */
const TOKENS_PER_MESSAGE = 3
const TOKENS_PER_REPLY = 3

/** The texts of a message; images, files and sounds are left out. */
function textOf(message: ChatMessage): string {
  const { content } = message
  if (content === undefined || content === null) return ''
  if (typeof content === 'string') return content
  return content.map((part) => (part.type === 'text' && typeof part.text === 'string' ? part.text : '')).join('')
}

/** Reads the turn that is to be answered. */
export function readTurn(messages: readonly ChatMessage[]): Turn {
  const at = messages.findLastIndex(({ role }) => role === 'user')
  const asked = messages[at === -1 ? messages.length - 1 : at]
  return {
    question: asked === undefined || asked.role === 'tool' ? '' : textOf(asked),
    results: readToolResults(messages.slice(at + 1)),
  }
}

/** What tools have answered in these messages. */
export function readToolResults(messages: readonly ChatMessage[]): ToolResult[] {
  const names = new Map<string, string>()
  const results: ToolResult[] = []
  for (const message of messages) {
    if (message.role === 'assistant') {
      for (const call of message.tool_calls ?? []) names.set(call.id ?? '', call.function?.name ?? 'tool')
    } else if (message.role === 'tool') {
      results.push({ name: names.get(message.tool_call_id) ?? 'tool', text: textOf(message) })
    } else if (message.role === 'function') {
      results.push({ name: message.name, text: textOf(message) })
    }
  }
  return results
}

/** An estimate of the tokens that a request's messages and tools take. */
export function countPromptTokens(request: ChatCompletionRequest): number {
  const messages = request.messages.reduce((sum, message) => sum + TOKENS_PER_MESSAGE + countMessage(message), 0)
  const tools = request.tools?.length ? countTokens(JSON.stringify(request.tools)) : 0
  return messages + tools + TOKENS_PER_REPLY
}

function countMessage(message: ChatMessage): number {
  const images = Array.isArray(message.content) ? message.content.filter((part) => part.type === 'image_url').length : 0
  const calls = message.role === 'assistant' && message.tool_calls ? countTokens(JSON.stringify(message.tool_calls)) : 0
  return countTokens(message.role) + countTokens(textOf(message)) + images * IMAGE_TOKENS + calls
}

/** The schema that a reply has to follow; the empty schema of an object for `json_object`; undefined for plain text. */
export function findReplySchema(request: ChatCompletionRequest): unknown {
  const format = request.response_format
  if (format?.type === 'json_schema') return isRecord(format.json_schema.schema) ? format.json_schema.schema : {}
  return format?.type === 'json_object' ? ANY_OBJECT : undefined
}

/** `json_object` leaves the content open. */
const ANY_OBJECT = Object.freeze({
  type: 'object',
  properties: { answer: { type: 'string' }, demo: { const: true } },
  required: ['answer', 'demo'],
})
