/** Asks a model for the summary of a conversation. */
import { StackError } from '@llama-stack/api'
import type { ChatCompletion, ChatCompletionRequest, ChatMessage, ResponseUsage } from '@llama-stack/api'
import { fromToolCalls } from '../chat/assistant-turn.ts'
import { toUsage } from '../run/usage.ts'

/** What an operator may set: OGX's `compaction_config`. */
export interface CompactionSettings {
  /** Default: {@link DEFAULT_SUMMARY_PROMPT}. */
  readonly summarizationPrompt?: string | undefined
  /** Put before the summary where a model is told it. Default: nothing. */
  readonly summaryPrefix?: string | undefined
  /** Who summarises. Default: the model of the request. */
  readonly summarizationModel?: string | undefined
  /** Of automatic compaction, where the request names none. Default: four fifths of the model's context. */
  readonly defaultCompactThreshold?: number | undefined
}

/**
 * What the model is told after the conversation: our own words. Replies that upstream recorded to its prompt are found when
 * the configuration has that prompt.
 */
export const DEFAULT_SUMMARY_PROMPT = `The conversation above is getting too long. Write a summary that will stand in its place, for somebody who goes on with it and sees nothing else of it.

Keep:
- what the user wants, what was agreed on, and every preference or restriction that still holds;
- names, numbers, dates, paths, identifiers and short quotations, to the letter, where they may be needed again;
- what was done and what came of it, including what tools were called and what they gave;
- what is unfinished, what failed, and what was to be done next.

Leave out greetings, repetitions, and what was later corrected. Write in the language of the conversation. Do not go on with the conversation and do not answer its open questions. Reply with the summary alone.`

export interface SummaryInput {
  readonly model: string
  /** What is summarised, as chat messages. */
  readonly messages: readonly ChatMessage[]
  readonly settings: CompactionSettings
  /** Of the request to compact: what the summary has to mind. */
  readonly instructions?: string | null | undefined
  readonly promptCacheKey?: string | null | undefined
  /** Whether the body has to be the very one that upstream sends: with calls of tools as they are. Default: false. */
  readonly asRecorded?: boolean | undefined
}

/** The request. It has no tools: what was called and what came of it is told as text, which every model takes. */
export function toSummaryRequest({ settings, asRecorded, ...input }: SummaryInput): ChatCompletionRequest {
  const prompt = settings.summarizationPrompt ?? DEFAULT_SUMMARY_PROMPT
  const { instructions, promptCacheKey } = input
  const content = typeof instructions === 'string' && instructions !== '' ? `${instructions}\n\n${prompt}` : prompt
  const messages = asRecorded === true ? input.messages : input.messages.map(toPlainMessage)
  return {
    model: settings.summarizationModel ?? input.model,
    messages: [...messages, { role: 'user', content }],
    stream: false,
    ...(typeof promptCacheKey === 'string' && { prompt_cache_key: promptCacheKey }),
  }
}

/** Many vendors refuse calls and outputs in a request that offers no tools. */
function toPlainMessage(message: ChatMessage): ChatMessage {
  if (message.role === 'tool' || message.role === 'function') {
    return { role: 'user', content: `[Output of a tool]\n${toText(message.content)}` }
  }
  if (message.role !== 'assistant') return message
  const calls = fromToolCalls(message.tool_calls)
  if (calls.length === 0) return message
  const called = calls.map(({ name, arguments: text }) => `[Call of the tool ${name} with ${text}]`)
  const said = toText(message.content)
  return { role: 'assistant', content: [...(said === '' ? [] : [said]), ...called].join('\n') }
}

function toText(content: ChatMessage['content']): string {
  if (typeof content === 'string') return content
  return (content ?? []).map((part) => ('text' in part ? part.text : '')).join('')
}

/** A summary, and what it cost. */
export interface Summary {
  readonly text: string
  readonly usage: ResponseUsage
}

/** Reads the reply. Throws `provider_bad_reply` where there is no summary in it. */
export function readSummary({ choices, usage, model }: ChatCompletion): Summary {
  const text = choices[0]?.message.content?.trim() ?? ''
  if (text === '') throw new StackError('provider_bad_reply', { provider: model, reason: 'the summary is empty' })
  return { text, usage: toUsage(usage ?? {}) }
}
