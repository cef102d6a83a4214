/** Upstream's recordings of the Responses API: each is one call that a turn of a response led to. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ChatMessage, ChatTool, InputContent, McpListedTool, ResponseTool } from '@llama-stack/api'
import { parseLossless } from '../../packages/server/src/recordings/lossless-json.ts'
import { toRecordedReply } from '../../packages/server/src/recordings/recorded-reply.ts'
import { toRecordedCall } from '../../packages/server/src/recordings/recorded-call.ts'
import type { Turn, TurnCall } from '../../packages/server/src/services/responses/chat/assistant-turn.ts'
import { toAssistantMessage } from '../../packages/server/src/services/responses/chat/assistant-turn.ts'
import { ChatHistory } from '../../packages/server/src/services/responses/chat/chat-history.ts'
import { placedItems } from '../../packages/server/src/services/responses/chat/chat-item.ts'
import type { ChatItem } from '../../packages/server/src/services/responses/chat/chat-item.ts'
import { planTools } from '../../packages/server/src/services/responses/chat/chat-tool-choice.ts'
import { readChatStream } from '../../packages/server/src/services/responses/chat/read-chat-stream.ts'
import { appendItems } from '../../packages/server/src/services/responses/chat/to-chat-messages.ts'
import { toChatRequest } from '../../packages/server/src/services/responses/chat/to-chat-request.ts'
import type { ChatSettings } from '../../packages/server/src/services/responses/chat/to-chat-request.ts'
import { toChatTools } from '../../packages/server/src/services/responses/chat/to-chat-tools.ts'
import type { ToolListing } from '../../packages/server/src/services/responses/chat/to-chat-tools.ts'

/** Where they lie. */
export const recordingsDirectory = join(dirname(fileURLToPath(import.meta.url)), '../../../shared/recordings/ogx')

/** Whether the recordings are there at all. */
export const haveRecordings = existsSync(recordingsDirectory)

/** A chat body as upstream noted it. */
export interface RecordedBody extends Readonly<Record<string, unknown>> {
  readonly model: string
  readonly messages: readonly ChatMessage[]
  readonly tools?: readonly ChatTool[]
}

export interface RecordedChat {
  /** The name that a call must have to be answered by it. */
  readonly name: string
  readonly folder: string
  readonly testId: string | null
  readonly baseUrl: string
  readonly body: RecordedBody
  readonly text: string
}

interface Recording {
  readonly test_id: string | null
  readonly request: {
    readonly url: string
    readonly endpoint?: string
    readonly tool_name?: string
    readonly body: RecordedBody
  }
}

const CHAT = '/v1/chat/completions'

/** The recordings of one suite. */
export interface RecordedSuite {
  readonly chats: readonly RecordedChat[]
  /** Other files, with the endpoint or the tool that they are about. */
  readonly others: readonly { readonly name: string; readonly about: string }[]
}

/** Reads the recordings of a suite; none where they are absent. */
export function readRecordings(folder: string): RecordedSuite {
  const chats: RecordedChat[] = []
  const others: RecordedSuite['others'][number][] = []
  if (!haveRecordings) return { chats, others }
  for (const file of readdirSync(join(recordingsDirectory, folder)).filter((each) => each.endsWith('.json'))) {
    const text = readFileSync(join(recordingsDirectory, folder, file), 'utf8')
    // What upstream's recorder writes.
    const { test_id: testId, request } = JSON.parse(text) as Recording
    const name = basename(file, '.json')
    const { endpoint, tool_name: tool = '', url, body } = request
    if (endpoint === CHAT) chats.push({ name, folder, testId, baseUrl: url.slice(0, -CHAT.length), body, text })
    else others.push({ name, about: endpoint ?? tool })
  }
  return { chats, others }
}

/** The name of the recording that would answer this body. */
export function nameOf(body: object, { baseUrl, testId }: Pick<RecordedChat, 'baseUrl' | 'testId'>): string {
  // A body is JSON by construction; the round trip drops what is undefined.
  const json = JSON.parse(JSON.stringify(body)) as Record<string, never>
  return toRecordedCall({ kind: 'inference', baseUrl, endpoint: CHAT, body: json, testId }).hash.head(testId)
}

/** The recorded reply as the turn that the engine would make of it. */
export async function readTurn({ text, name }: RecordedChat): Promise<Turn> {
  const document = parseLossless(text)
  if (!(document instanceof Map)) throw new TypeError(`${name} is no recording`)
  const { bytes } = toRecordedReply({ file: name, document })
  const calls: (TurnCall & { arguments: string })[] = []
  const turn = { text: '', reasoning: '', refusal: '', calls }
  const nothing = (): void => undefined
  const sink = {
    text: (piece: string) => void (turn.text += piece),
    texts: (pieces: readonly string[]) => void (turn.text += pieces.join('')),
    reasoning: (piece: string) => void (turn.reasoning += piece),
    refusal: (piece: string) => void (turn.refusal += piece),
    toolCall(index: number, piece: { id?: string; name?: string; arguments: string }) {
      const call = calls[index]
      if (call === undefined) calls.push({ index, id: '', name: '', ...piece })
      else call.arguments += piece.arguments
    },
    finish: nothing,
    usage: nothing,
    serviceTier: nothing,
    extra: nothing,
  }
  const stream = {
    pipe: (to: { data(chunk: Uint8Array): void; end(): void }) => {
      to.data(bytes)
      to.end()
    },
    pause: nothing,
    resume: nothing,
    cancel: nothing,
  }
  const options = { provider: 'recorded', signal: new AbortController().signal, newCallId: () => 'call_none' }
  await readChatStream({ kind: 'stream', stream, contentType: 'text/event-stream' }, sink, options)
  return turn
}

/** The history that recorded messages stand for: turns of the server as they are, everything else by way of items. */
export function toHistory(messages: readonly ChatMessage[], begun = ChatHistory.empty): ChatHistory {
  let history = begun
  let items: ChatItem[] = []
  const convert = (): void => {
    history = appendItems(history, placedItems(items)).history
    items = []
  }
  for (const [at, message] of messages.entries()) {
    const turn = toTurn(message)
    if (turn === undefined) items.push(...itemsAt(messages, at))
    else {
      convert()
      history = history.append([toAssistantMessage(turn)])
    }
  }
  convert()
  return history
}

/**
 * The recorded calls that continue a conversation with this turn of the assistant, or with any: those of the same test that
 * begin with the same messages and have one turn more.
 */
export function followersOf(
  chat: RecordedChat,
  chats: readonly RecordedChat[],
  turn?: ChatMessage,
): readonly RecordedChat[] {
  const length = chat.body.messages.length
  const begun = sumOf(chat.body.messages)
  return chats.filter(({ testId, body: { messages } }) => {
    const next = messages[length]
    if (testId !== chat.testId || next?.role !== 'assistant' || typeof next.content !== 'string') return false
    if (messages.slice(length + 1).some(({ role }) => role === 'assistant')) return false
    return (turn === undefined || isSame(next, turn)) && sumOf(messages.slice(0, length)) === begun
  })
}

/** Whether two messages are equal to a recorder: every run of a test draws new ids of documents, and scores differ. */
export function isSame(one: ChatMessage | undefined, other: ChatMessage | undefined): boolean {
  return sumOf(one) === sumOf(other)
}

function sumOf(of: unknown): string {
  return nameOf({ of }, { baseUrl: '', testId: null })
}

/** Why a recorded call is none that a turn of a response makes, of upstream's today or of ours. */
export function reasonOf(chat: RecordedChat): string | undefined {
  const { body } = chat
  if (body['stream'] !== true) return 'a guard’s call'
  if (body.tools?.some((tool) => tool.function?.name === 'knowledge_search') === true)
    return 'older name of file_search'
  // The text of the document was changed in the file when the project was renamed.
  return nameOf(body, chat) === chat.name ? undefined : 'rewritten after it was recorded'
}

/** A turn that the server wrote: its text is never absent, and never in parts. */
function toTurn(message: ChatMessage): Turn | undefined {
  if (message.role !== 'assistant' || typeof message.content !== 'string') return undefined
  return { text: message.content, calls: (message.tool_calls ?? []).map(toCall) }
}

type RecordedCall = NonNullable<Extract<ChatMessage, { role: 'assistant' }>['tool_calls']>[number]

function toCall({ index, id = '', function: called }: RecordedCall): TurnCall {
  return { index: Number(index), id, name: called?.name ?? '', arguments: called?.arguments ?? '' }
}

/** The items that a client sends for these messages. */
export function toInputItems(messages: readonly ChatMessage[]): ChatItem[] {
  return messages.flatMap((_message, at) => itemsAt(messages, at))
}

function itemsAt(messages: readonly ChatMessage[], at: number): ChatItem[] {
  const message = messages[at]
  return message === undefined ? [] : toItems(message, { before: messages[at - 1], after: messages[at + 1] })
}

interface Neighbours {
  readonly before: ChatMessage | undefined
  readonly after: ChatMessage | undefined
}

function toItems(message: ChatMessage, { before, after }: Neighbours): ChatItem[] {
  switch (message.role) {
    case 'user':
      // These are the images of the output before it.
      if (isImageNote(before)) return []
      return [{ role: 'user', content: toInput(message.content) }]
    case 'system':
      return [{ role: 'system', content: toInput(message.content) }]
    case 'developer':
      return [{ role: 'developer', content: toInput(message.content) }]
    case 'tool':
      return [toOutput(message, isImageNote(message) && after?.role === 'user' ? after.content : message.content)]
    case 'assistant':
      return [...toReasoning(message), ...toAssistantItems(message)]
    case 'function':
      return []
  }
}

function toOutput({ tool_call_id: callId }: Extract<ChatMessage, { role: 'tool' }>, content: string | Parts): ChatItem {
  return { type: 'function_call_output', call_id: callId, output: toInput(content) }
}

function toReasoning({ reasoning }: ChatMessage): ChatItem[] {
  if (typeof reasoning !== 'string') return []
  return [{ type: 'reasoning', summary: [], content: [{ type: 'reasoning_text', text: reasoning }] }]
}

function toAssistantItems({ content, tool_calls: calls }: Extract<ChatMessage, { role: 'assistant' }>): ChatItem[] {
  const items = (calls ?? []).map((call): ChatItem => {
    const { id, name, arguments: text } = toCall(call)
    return { type: 'function_call', call_id: id, name, arguments: text }
  })
  if (typeof content === 'string' && content !== '') items.push({ role: 'assistant', content })
  if (!Array.isArray(content)) return items
  const parts = content.map((part) => ({ type: 'input_text' as const, text: 'text' in part ? String(part.text) : '' }))
  return [...items, { role: 'assistant', content: parts }]
}

type Parts = Exclude<Extract<ChatMessage, { role: 'user' }>['content'], string>

function toInput(content: string | Parts): string | InputContent[] {
  if (typeof content === 'string') return content
  return content.map((part): InputContent => {
    if (part.type === 'text') return { type: 'input_text', text: part.text }
    return { type: 'input_image', image_url: part.type === 'image_url' ? part.image_url.url : '' }
  })
}

function isImageNote(message: ChatMessage | undefined): boolean {
  if (message?.role !== 'tool' || !Array.isArray(message.content)) return false
  return message.content.length === 1 && message.content[0]?.text === '[image]'
}

/** The body that our translation makes of what a recorded body stands for. */
export function rebuild({ body, baseUrl }: RecordedChat, messages: readonly ChatMessage[]): object {
  const request = toChatRequest({
    model: body.model,
    messages: baseUrl.includes('11434') ? messages.map(asOllamaHasIt) : messages,
    tools: planTools(toolsetOf(body), undefined).first,
    settings: toSettings(body),
    servedTier: typeof body['service_tier'] === 'string' ? null : undefined,
    asRecorded: true,
  })
  return request
}

/** What the provider for Ollama does on the way out. */
function asOllamaHasIt(message: ChatMessage): ChatMessage {
  const { reasoning_content: reasoning, ...rest } = message
  // Only an optional member has another name.
  return reasoning === undefined ? message : ({ ...rest, reasoning } as ChatMessage)
}

function toolsetOf({ tools = [] }: RecordedBody) {
  const listings: ToolListing[] = []
  const asked = tools.map((tool): ResponseTool => {
    const known = toRequestTool(tool)
    if (known !== undefined) return known
    const listed = toListed(tool)
    listings.push({ serverLabel: listed.name, tools: [listed] })
    return { type: 'mcp', server_label: listed.name }
  })
  return toChatTools(asked, { listings })
}

/** The tool of the request that became this function; undefined where an MCP server had listed it. */
export function toRequestTool({ function: offered }: ChatTool): ResponseTool | undefined {
  const { name = '', description, parameters } = offered ?? {}
  // Upstream has a type within the functions of clients, and within no other.
  if (offered?.['type'] !== undefined)
    return { type: 'function', name, description: description ?? null, parameters: parameters ?? null }
  if (name === 'web_search') return { type: 'web_search' }
  return name === 'file_search' ? { type: 'file_search', vector_store_ids: ['vs_1'] } : undefined
}

/** The tool as its MCP server had listed it. */
export function toListed({ function: offered }: ChatTool): McpListedTool {
  const { name = '', description, parameters } = offered ?? {}
  return { name, description: description ?? null, input_schema: parameters ?? {} }
}

/** The members of the request, from those of the body. */
export function toSettings(body: RecordedBody): ChatSettings {
  const { response_format: format, logprobs, reasoning_effort: effort, parallel_tool_calls: parallel } = body
  // What upstream's own translation wrote.
  const schema = (format as { json_schema?: { name: string; schema: Record<string, unknown> } } | undefined)
    ?.json_schema
  return {
    parallel_tool_calls: parallel as boolean | undefined,
    include: logprobs === true ? ['message.output_text.logprobs'] : [],
    reasoning: effort === undefined ? null : { effort: effort as 'medium' },
    text: schema === undefined ? null : { format: { type: 'json_schema', ...schema, strict: true } },
  }
}
