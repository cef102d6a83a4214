/** Refuses a request that no target of its route can take, before it is sent: its vendor would do so later, or cut it short. */
import { StackError } from '@llama-stack/api'
import type { CallContext } from '@llama-stack/api'
import { isRecord } from '../../kernel/json-record.ts'
import type { ModelRoom } from '../models/model-facts-book.ts'
import type { Route, RouteTarget } from '../models/route.ts'
import { fewestTokens } from './fewest-tokens.ts'

/** The members of a request that decide how much it asks of a context. */
type Measured = Readonly<Record<string, unknown>>

/** Fields that ask the vendor to shorten what is too long: what does not fit by itself may fit then. */
const SHORTENING: readonly string[] = Object.freeze([
  'transforms',
  'plugins',
  'truncation',
  'truncate',
  'truncate_prompt_tokens',
  'context_management',
  'context_length_exceeded_behavior',
])

/** What a model once thought is left out of later turns by most templates. */
const END_OF_THOUGHT = '</think>'

/**
 * The route without the targets that the request is too long for. Throws `context_length_exceeded` where none is left. The
 * text is looked at only where its bytes could make so many tokens.
 */
export function keepFitting(route: Route, request: Measured, { rawBody }: CallContext): Route {
  const reply = replyTokens(request)
  // A token has at least one byte of a body, and between two words there is another.
  const most = rawBody === undefined ? Infinity : Math.ceil(rawBody.byteLength / 2)
  if (route.targets.every(({ room }) => room === undefined || needed(most, reply, room) <= room.contextTokens))
    return route
  if (SHORTENING.some((name) => request[name] !== undefined && request[name] !== null)) return route
  const prompt = promptTokens(request)
  const fits = ({ room }: RouteTarget): boolean =>
    room === undefined || needed(prompt, reply, room) <= room.contextTokens
  const [first, ...others] = route.targets.filter(fits)
  if (first === undefined) throw toTooLong(route, request, { prompt, reply })
  return { ...route, targets: [first, ...others] }
}

function needed(prompt: number, reply: number, { countsReply }: ModelRoom): number {
  return prompt + (countsReply ? reply : 0)
}

function replyTokens({ max_completion_tokens: most, max_tokens: older }: Measured): number {
  const asked = most ?? older
  return typeof asked === 'number' ? asked : 0
}

function promptTokens({ messages, prompt }: Measured): number {
  if (!Array.isArray(messages)) return textTokens(prompt)
  let tokens = 0
  for (const message of messages as readonly unknown[]) {
    if (!isRecord(message)) continue
    tokens += contentTokens(message['content'], message['role'] === 'assistant')
  }
  return tokens
}

/** Parts that are no text, such as pictures, count nothing: how many tokens they make is up to the model. */
function contentTokens(content: unknown, mayHaveThoughts: boolean): number {
  if (typeof content === 'string') return fewestTokens(mayHaveThoughts ? withoutThoughts(content) : content)
  if (!Array.isArray(content)) return 0
  let tokens = 0
  for (const part of content as readonly unknown[]) {
    if (isRecord(part) && typeof part['text'] === 'string') tokens += contentTokens(part['text'], mayHaveThoughts)
  }
  return tokens
}

function withoutThoughts(text: string): string {
  const end = text.lastIndexOf(END_OF_THOUGHT)
  return end === -1 ? text : text.slice(end + END_OF_THOUGHT.length)
}

/** A text, tokens, or a list of either, each of which is a prompt of its own. */
function textTokens(prompt: unknown): number {
  if (typeof prompt === 'string') return fewestTokens(prompt)
  if (!Array.isArray(prompt)) return 0
  if (typeof prompt[0] === 'number') return prompt.length
  let longest = 0
  for (const each of prompt as readonly unknown[]) longest = Math.max(longest, textTokens(each))
  return longest
}

/** Names the target that comes nearest. */
function toTooLong(
  { requested, targets }: Route,
  request: Measured,
  { prompt, reply }: { readonly prompt: number; readonly reply: number },
): StackError {
  let widest = targets[0]
  for (const each of targets) {
    if ((each.room?.contextTokens ?? 0) > (widest.room?.contextTokens ?? 0)) widest = each
  }
  const { contextTokens = 0, countsReply = false } = widest.room ?? {}
  return new StackError('context_length_exceeded', {
    model: targets.length === 1 ? requested : widest.target.name,
    promptTokens: prompt,
    contextTokens,
    atLeast: true,
    param: Array.isArray(request['messages']) ? 'messages' : 'prompt',
    ...(countsReply && reply > 0 && { replyTokens: reply }),
  })
}
