/** A conversation of OpenAI's kind as the engine's templates take it. */
import type { ChatCompletionRequest, ChatMessage } from '@llama-stack/api'
import { StackError } from '@llama-stack/api'
import type { FunctionCallPart, HistoryItem, ResponsePart } from './_llama-engine.ts'

type AssistantMessage = Extract<ChatMessage, { role: 'assistant' }>
/** A call whose result comes in a later message. */
type OpenCall = { -readonly [Key in keyof FunctionCallPart]: FunctionCallPart[Key] }

/**
 * Converts messages. Everything that an assistant did in a row is one item: its calls with their results, then its words.
 * Throws `invalid_value` for what the engine cannot take, naming the message.
 */
export function toHistory(messages: ChatCompletionRequest['messages']): readonly HistoryItem[] {
  const items: HistoryItem[] = []
  const open = new Map<string, OpenCall>()
  for (const [at, message] of messages.entries()) {
    const param = `messages[${at}]`
    switch (message.role) {
      case 'system':
      case 'developer':
        items.push({ type: 'system', text: toText(message.content, param) })
        break
      case 'user':
        items.push({ type: 'user', text: toText(message.content, param) })
        break
      case 'assistant':
        addResponse(items, [...toWords(message, param), ...toCalls(message, param, open)])
        break
      case 'tool':
        settle(open, { id: message.tool_call_id, text: toText(message.content, param), param })
        break
      case 'function':
        settle(open, { id: message.name, text: message.content ?? '', param })
        break
    }
  }
  const [unanswered] = open.keys()
  if (unanswered !== undefined) {
    throw refusal('messages', `the call '${unanswered}' has no result`, 'Add a message of role tool with its result.')
  }
  return items
}

function addResponse(items: HistoryItem[], parts: readonly ResponsePart[]): void {
  const last = items.at(-1)
  if (last?.type !== 'model') items.push({ type: 'model', response: parts })
  else items[items.length - 1] = { type: 'model', response: [...last.response, ...parts] }
}

function toWords(message: AssistantMessage, param: string): readonly ResponsePart[] {
  const reasoning = message['reasoning_content']
  const text = toText(message.content ?? '', param)
  return [
    ...(typeof reasoning === 'string' && reasoning !== ''
      ? [{ type: 'segment', segmentType: 'thought', text: reasoning, ended: true } as const]
      : []),
    ...(text === '' ? [] : [text]),
  ]
}

function toCalls(message: AssistantMessage, param: string, open: Map<string, OpenCall>): readonly ResponsePart[] {
  return (message.tool_calls ?? []).map((call, at) => {
    const name = call.function?.name
    if (name === undefined) throw refusal(`${param}.tool_calls[${at}]`, 'it has no function name', 'Add function.name.')
    const part: OpenCall = {
      type: 'functionCall',
      name,
      params: parseJson(call.function?.arguments ?? '{}'),
      result: undefined,
      startsNewChunk: at === 0,
    }
    open.set(call.id ?? name, part)
    return part
  })
}

interface CallResult {
  readonly id: string
  readonly text: string
  /** The message that it came in. */
  readonly param: string
}

function settle(open: Map<string, OpenCall>, { id, text, param }: CallResult): void {
  const call = open.get(id)
  if (call === undefined) {
    throw refusal(
      `${param}.tool_call_id`,
      `no earlier message calls '${id}'`,
      'Send the assistant message with the call too.',
    )
  }
  call.result = parseJson(text)
  open.delete(id)
}

/** What is JSON is shown to the model as such; anything else is a text. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

type Content = Extract<ChatMessage, { role: 'user' }>['content'] | AssistantMessage['content']

function toText(content: Content, param: string): string {
  if (typeof content === 'string') return content
  return (content ?? [])
    .map((part, at) => {
      if ('text' in part && typeof part.text === 'string') return part.text
      throw refusal(
        `${param}.content[${at}]`,
        `a part of type '${part.type}' cannot be read by a GGUF model here`,
        'Send text, or choose a model of another provider.',
      )
    })
    .join('\n')
}

function refusal(param: string, problem: string, fix: string): StackError {
  return new StackError('invalid_value', { param, problem, fix })
}
