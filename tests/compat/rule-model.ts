/**
 * A model that answers by rules, over HTTP as a vendor does: tests of clients say in the user's text what it shall do.
 *
 * - `call add {"a":1}` calls the tool `add`, if it is offered and no tool has answered yet; several make parallel calls.
 * - `think` has it tell its reasoning first.
 * - `refuse` has it refuse, as OpenAI's models do.
 * - `slowly` has it say a hundred words, one after the other.
 * - `write {…}` has it say that JSON, whatever the form that is asked for.
 * - Else it says everything that users said, and how many images it saw.
 */
import { isRecord } from '../../packages/server/src/kernel/json-record.ts'
import type { ScriptedReply, ScriptedRequest } from '../../packages/server/src/testing/scripted-upstream.ts'

/** What of a chat the rules look at. */
export interface AskedChat {
  readonly model: string
  readonly stream?: boolean
  readonly messages: readonly { readonly role: string; readonly content?: unknown; readonly tool_call_id?: string }[]
  readonly tools?: readonly { readonly function: { readonly name: string; readonly parameters?: unknown } }[]
  readonly tool_choice?: unknown
  readonly response_format?: unknown
  readonly logprobs?: boolean
}

interface Call {
  readonly id: string
  readonly name: string
  readonly arguments: string
}

interface Answer {
  readonly text?: string
  readonly reasoning?: string
  readonly refusal?: string
  readonly calls?: readonly Call[]
  /** Pause between two pieces. */
  readonly gapMs?: number
}

/** The route `POST /v1/chat/completions` of a scripted upstream. */
export function answerByRules(request: ScriptedRequest): ScriptedReply {
  const chat = toChat(request)
  const answer = decide(chat)
  if (chat.stream !== true) return { json: toCompletion(answer, chat.logprobs === true) }
  return {
    events: toChunks(answer, chat.logprobs === true),
    ...(answer.gapMs !== undefined && { gapMs: answer.gapMs }),
  }
}

/** A chat as it was sent. */
export function toChat({ body }: Pick<ScriptedRequest, 'body'>): AskedChat {
  // The server under test sends chats here, and nothing else.
  return JSON.parse(body) as AskedChat
}

/** The texts of a message. */
function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  return partsOf(content)
    .map((part) => (typeof part['text'] === 'string' ? part['text'] : ''))
    .join('')
}

function partsOf(content: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(content) ? content.filter(isRecord) : []
}

function decide({ messages, tools = [] }: AskedChat): Answer {
  const turn = messages.slice(messages.findLastIndex(({ role }) => role === 'user') + 1)
  const told = turn.filter(({ role }) => role === 'tool')
  if (turn.at(-1)?.role === 'tool')
    return { text: `The tools said: ${told.map(({ content }) => textOf(content)).join(' and ')}` }
  const users = messages.filter(({ role }) => role === 'user')
  const asked = textOf(users.at(-1)?.content)
  const thinking = asked.includes('think') ? { reasoning: 'Let me see.' } : {}
  const offered = new Set(tools.map((tool) => tool.function.name))
  const calls = [...asked.matchAll(/call (\w+) (\{.*?\})(?=\s|$)/g)]
    .map(([, name = '', args = ''], index) => ({ id: `call_${messages.length}_${index}`, name, arguments: args }))
    .filter(({ name }) => offered.has(name))
  if (calls.length > 0) return { ...thinking, calls }
  if (asked.includes('refuse')) return { ...thinking, refusal: 'I must not.' }
  const json = /write (\{.*\})/s.exec(asked)?.[1]
  if (json !== undefined) return { ...thinking, text: json }
  if (asked.includes('slowly'))
    return { text: Array.from({ length: 100 }, (_, at) => `word${at} `).join(''), gapMs: 15 }
  const images = users.flatMap(({ content }) => partsOf(content)).filter(({ type }) => type === 'image_url').length
  const seen = images === 0 ? '' : ` I saw ${images} image.`
  return { ...thinking, text: `I heard: ${users.map(({ content }) => textOf(content)).join(' / ')}.${seen}` }
}

const head = { id: 'chatcmpl-rules', created: 1_700_000_000, model: 'm1' }
const usage = {
  prompt_tokens: 10,
  completion_tokens: 5,
  total_tokens: 15,
  prompt_tokens_details: { cached_tokens: 2 },
  completion_tokens_details: { reasoning_tokens: 1 },
}

function toCompletion({ text, reasoning, refusal, calls }: Answer, weighs: boolean): object {
  const message = {
    role: 'assistant',
    content: text ?? null,
    ...(refusal !== undefined && { refusal }),
    ...(reasoning !== undefined && { reasoning_content: reasoning }),
    ...(calls !== undefined && { tool_calls: calls.map((call) => toCall(call)) }),
  }
  const weighed = pieces(weighs ? (text ?? '') : '').flatMap((piece) => toLogprobs(piece)?.content ?? [])
  const logprobs = weighed.length === 0 ? null : { content: weighed, refusal: null }
  return {
    ...head,
    object: 'chat.completion',
    choices: [{ index: 0, message, finish_reason: calls === undefined ? 'stop' : 'tool_calls', logprobs }],
    usage,
  }
}

function toCall({ id, name, arguments: args }: Call): object {
  return { id, type: 'function', function: { name, arguments: args } }
}

function toChunks({ text = '', reasoning = '', refusal = '', calls = [] }: Answer, weighs: boolean): object[] {
  const chunk = (delta: Readonly<Record<string, unknown>>, finish: string | null = null): object => ({
    ...head,
    object: 'chat.completion.chunk',
    choices: [{ index: 0, delta, finish_reason: finish, ...(weighs && { logprobs: toLogprobs(delta['content']) }) }],
  })
  const inCalls = calls.flatMap((call, index) => [
    chunk({ tool_calls: [{ index, ...toCall({ ...call, arguments: '' }) }] }),
    ...pieces(call.arguments).map((piece) => chunk({ tool_calls: [{ index, function: { arguments: piece } }] })),
  ])
  return [
    chunk({ role: 'assistant', content: '' }),
    ...pieces(reasoning).map((piece) => chunk({ reasoning_content: piece })),
    ...pieces(text).map((content) => chunk({ content })),
    ...pieces(refusal).map((piece) => chunk({ refusal: piece })),
    ...inCalls,
    chunk({}, calls.length > 0 ? 'tool_calls' : 'stop'),
    { ...head, object: 'chat.completion.chunk', choices: [], usage },
  ]
}

/** Each piece is a token, and the model is sure of it. */
function toLogprobs(token: unknown): { readonly content: object[]; readonly refusal: null } | null {
  if (typeof token !== 'string' || token === '') return null
  const bytes = [...Buffer.from(token)]
  return { content: [{ token, bytes, logprob: -0.5, top_logprobs: [{ token, bytes, logprob: -0.5 }] }], refusal: null }
}

function pieces(text: string): string[] {
  return text.match(/.{1,8}/gs) ?? []
}
