/** Gemini's replies as chat completions: chunk by chunk, and as a whole. Knows nothing of how the bytes came. */
import { StackError } from '@llama-stack/api'
import type { ChatChoice, ChatChunkChoice, ChatCompletion, ChatCompletionChunk } from '@llama-stack/api'
import { asRecord, isRecord } from '../../kernel/json-record.ts'
import { GeminiChoice } from './_gemini-choice.ts'
import type { ChoiceFacts } from './_gemini-choice.ts'
import { findAt } from './_json-shape.ts'

type Fields = Readonly<Record<string, unknown>>
type Usage = NonNullable<ChatCompletion['usage']>

/** What a reply needs beyond what the vendor says. */
export interface ReplyFacts extends ChoiceFacts {
  readonly model: string
  /** Unix seconds, for replies that do not tell when they were made. */
  readonly created: number
  newId(): string
  /** Whether a stream ends with the tokens that were used. */
  readonly wantsUsage: boolean
}

/** Translates the pieces of one reply, in their order. */
export class GeminiReply {
  readonly #facts: ReplyFacts
  readonly #choices = new Map<number, GeminiChoice>()
  #head: { readonly id: string; readonly created: number } | undefined
  #usage: Usage | undefined

  constructor(facts: ReplyFacts) {
    this.#facts = facts
  }

  /** What one piece adds. Throws `provider_content_policy` where the vendor refuses the prompt. */
  read(piece: Fields): readonly ChatChunkChoice[] {
    this.#head ??= this.#toHead(piece)
    this.#usage = toUsage(piece['usageMetadata']) ?? this.#usage
    const candidates = piece['candidates']
    const read = (Array.isArray(candidates) ? candidates : []).filter(isRecord).map((candidate, position) => {
      const index = typeof candidate['index'] === 'number' ? candidate['index'] : position
      return this.#choiceOf(index).read(candidate)
    })
    if (read.length === 0) this.#expectUnblocked(piece)
    return read.filter((choice) => choice !== undefined)
  }

  /** How every choice ends. */
  finish(): readonly ChatChunkChoice[] {
    if (this.#choices.size === 0) {
      throw new StackError('provider_bad_reply', { provider: this.#facts.provider, reason: 'it has no candidate' })
    }
    return [...this.#choices.entries()].toSorted(([a], [b]) => a - b).map(([, choice]) => choice.finish())
  }

  /** A chunk around the pieces of choices. */
  toChunk(choices: readonly ChatChunkChoice[]): ChatCompletionChunk {
    return this.#frame([...choices])
  }

  /** The chunk that tells of the usage, where it is known or was asked for. */
  findUsageChunk(): ChatCompletionChunk | undefined {
    const usage = this.#usage ?? (this.#facts.wantsUsage ? NO_USAGE : undefined)
    return usage && { ...this.#frame([]), usage }
  }

  /** The reply that comes in one piece. */
  toCompletion(whole: Fields): ChatCompletion {
    const pieces = this.read(whole)
    const choices = this.finish().map((end) =>
      toChoice(
        pieces.find(({ index }) => index === end.index),
        end,
      ),
    )
    return { ...this.#start(), object: 'chat.completion', choices, usage: this.#usage ?? NO_USAGE }
  }

  #frame(choices: ChatChunkChoice[]): ChatCompletionChunk {
    const { wantsUsage } = this.#facts
    return { ...this.#start(), object: 'chat.completion.chunk', choices, ...(wantsUsage && { usage: null }) }
  }

  #start(): { id: string; created: number; model: string } {
    const head = (this.#head ??= this.#toHead({}))
    return { ...head, model: this.#facts.model }
  }

  #toHead({ responseId, createTime }: Fields): { id: string; created: number } {
    const madeAtMs = typeof createTime === 'string' ? Date.parse(createTime) : Number.NaN
    return {
      id: typeof responseId === 'string' && responseId !== '' ? `chatcmpl-${responseId}` : this.#facts.newId(),
      created: Number.isNaN(madeAtMs) ? this.#facts.created : Math.floor(madeAtMs / 1000),
    }
  }

  #choiceOf(index: number): GeminiChoice {
    const known = this.#choices.get(index)
    if (known !== undefined) return known
    const choice = new GeminiChoice(index, this.#facts)
    this.#choices.set(index, choice)
    return choice
  }

  #expectUnblocked(piece: Fields): void {
    const code = findAt(piece, 'promptFeedback.blockReason')
    if (typeof code !== 'string') return
    const message = findAt(piece, 'promptFeedback.blockReasonMessage')
    const words = typeof message === 'string' && message !== '' ? `: ${message}` : '.'
    throw new StackError('provider_content_policy', {
      provider: this.#facts.provider,
      reason: `The prompt was blocked (${code})${words}`,
      vendorCode: 'content_filter',
    })
  }
}

const NO_USAGE: Usage = Object.freeze({ prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 })

function toChoice(piece: ChatChunkChoice | undefined, end: ChatChunkChoice): ChatChoice {
  const { role: _role, tool_calls: calls, ...said } = { ...piece?.delta, ...end.delta }
  return {
    index: end.index,
    message: {
      ...said,
      role: 'assistant',
      content: said.content ?? null,
      // Positions belong to streams.
      ...(calls !== undefined && calls !== null && { tool_calls: calls.map(({ index: _index, ...call }) => call) }),
    },
    logprobs: piece?.logprobs ?? null,
    finish_reason: end.finish_reason ?? 'stop',
  }
}

/** Thoughts are tokens that the model wrote, and results of its own tools are tokens that it read. */
function toUsage(of: unknown): Usage | undefined {
  if (!isRecord(of)) return undefined
  const count = (name: string): number => Number(asRecord(of)[name] ?? 0)
  const reasoning = count('thoughtsTokenCount')
  const prompt = count('promptTokenCount') + count('toolUsePromptTokenCount')
  const completion = count('candidatesTokenCount') + reasoning
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: of['totalTokenCount'] === undefined ? prompt + completion : count('totalTokenCount'),
    prompt_tokens_details: { cached_tokens: count('cachedContentTokenCount') },
    completion_tokens_details: { reasoning_tokens: reasoning },
  }
}
