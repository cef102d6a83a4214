/**
 * One choice of a demo completion, as the deltas that a stream sends. The message of an unstreamed reply is folded from
 * the same deltas, so the two cannot differ.
 */
import type { ChatChoice, ChatChunkChoice, ChatCompletionRequest, StackError } from '@llama-stack/api'
import type { DemoReply } from './_demo-reply.ts'
import { splitTokens } from './_token-count.ts'

export type Delta = ChatChunkChoice['delta']
type Message = ChatChoice['message']

export interface DemoChoice {
  /** The role comes first, then one token at a time. */
  readonly deltas: readonly Delta[]
  readonly finishReason: string
  readonly tokens: number
  readonly reasoningTokens: number
  readonly failure: StackError | undefined
}

/** What may end a reply before its end. */
export interface ReplyLimits {
  readonly maxTokens: number
  readonly stops: readonly string[]
}

/** The limits that a request sets. */
export function limitsOf(
  request: Pick<ChatCompletionRequest, 'max_tokens' | 'stop'> & { max_completion_tokens?: number | null | undefined },
): ReplyLimits {
  const { stop } = request
  const stops = typeof stop === 'string' ? [stop] : (stop ?? [])
  return {
    maxTokens: request.max_completion_tokens ?? request.max_tokens ?? Infinity,
    stops: stops.filter((text) => text !== ''),
  }
}

/** The part of a text before the first stop sequence, and whether there was one. */
export function cutAtStop(text: string, stops: readonly string[]): { text: string; stopped: boolean } {
  const places = stops.map((stop) => text.indexOf(stop)).filter((place) => place !== -1)
  return places.length === 0 ? { text, stopped: false } : { text: text.slice(0, Math.min(...places)), stopped: true }
}

/** Cuts a reply into deltas within the limits. */
export function toChoice(reply: DemoReply, limits: ReplyLimits, newCallId: () => string): DemoChoice {
  const said = toSteps(reply, limits, newCallId)
  const deltas: Delta[] = [{ role: 'assistant', content: reply.content === undefined ? null : '', refusal: null }]
  let tokens = 0
  let reasoningTokens = 0
  for (const { delta, counts, reasons } of said.steps) {
    if (counts && tokens === limits.maxTokens) {
      return { deltas, finishReason: 'length', tokens, reasoningTokens, failure: undefined }
    }
    if (counts) tokens += 1
    if (reasons) reasoningTokens += 1
    deltas.push(delta)
  }
  const finishReason = said.stopped ? 'stop' : (reply.finishReason ?? (reply.toolCalls ? 'tool_calls' : 'stop'))
  return { deltas, finishReason, tokens, reasoningTokens, failure: said.stopped ? undefined : reply.failure }
}

interface Step {
  readonly delta: Delta
  /** Whether it is a token; what names a tool call is not. */
  readonly counts: boolean
  readonly reasons: boolean
}

function toSteps(
  reply: DemoReply,
  limits: ReplyLimits,
  newCallId: () => string,
): { steps: readonly Step[]; stopped: boolean } {
  const step = (delta: Delta, counts = true): Step => ({ delta, counts, reasons: 'reasoning_content' in delta })
  const steps = splitTokens(reply.reasoning ?? '').map((piece) => step({ reasoning_content: piece }))
  const content = cutAtStop(reply.content ?? '', limits.stops)
  steps.push(...splitTokens(content.text).map((piece) => step({ content: piece })))
  if (content.stopped) return { steps, stopped: true }
  steps.push(...splitTokens(reply.refusal ?? '').map((piece) => step({ refusal: piece })))
  for (const [index, call] of (reply.toolCalls ?? []).entries()) {
    const opening = { index, id: newCallId(), type: 'function', function: { name: call.name, arguments: '' } }
    steps.push(step({ tool_calls: [opening] }, false))
    for (const piece of splitTokens(call.arguments)) {
      steps.push(step({ tool_calls: [{ index, function: { arguments: piece } }] }))
    }
  }
  return { steps, stopped: false }
}

/** The message that these deltas make up. */
export function foldDeltas(deltas: readonly Delta[]): Message {
  let content: string | null = null
  let refusal: string | null = null
  let reasoning = ''
  const calls: { id: string; type: string; function: { name: string; arguments: string } }[] = []
  for (const delta of deltas) {
    if (typeof delta.content === 'string') content = (content ?? '') + delta.content
    if (typeof delta.refusal === 'string') refusal = (refusal ?? '') + delta.refusal
    if (typeof delta['reasoning_content'] === 'string') reasoning += delta['reasoning_content']
    for (const { index, id, function: part } of delta.tool_calls ?? []) {
      const call = (calls[index] ??= {
        id: id ?? '',
        type: 'function',
        function: { name: part?.name ?? '', arguments: '' },
      })
      call.function.arguments += part?.arguments ?? ''
    }
  }
  return {
    role: 'assistant',
    content,
    refusal,
    ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  }
}
