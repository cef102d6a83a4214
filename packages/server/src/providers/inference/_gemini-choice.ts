/** One candidate of Gemini's reply as it grows: what each piece adds to a choice, and how the choice ends. */
import { StackError } from '@llama-stack/api'
import type { ChatChunkChoice } from '@llama-stack/api'
import { isRecord } from '../../kernel/json-record.ts'
import { findAt } from './_json-shape.ts'

type Delta = ChatChunkChoice['delta']
type ToolCalls = NonNullable<Delta['tool_calls']>
type Fields = Readonly<Record<string, unknown>>

/** What candidates need beyond what the vendor says. */
export interface ChoiceFacts {
  /** Named in errors. */
  readonly provider: string
  newCallId(): string
  /** Told the signature of a call, for clients that will not send it back. */
  keepSignature(callId: string, signature: string): void
  /** Whether every call after the first is left out: Gemini cannot be asked for one call at a time. */
  readonly singleCall: boolean
}

/** Reasons that end an answer because of what it says. */
const FILTERED: ReadonlySet<string> = new Set([
  'SAFETY',
  'RECITATION',
  'LANGUAGE',
  'BLOCKLIST',
  'PROHIBITED_CONTENT',
  'SPII',
  'MODEL_ARMOR',
  'IMAGE_SAFETY',
  'IMAGE_PROHIBITED_CONTENT',
  'IMAGE_RECITATION',
])

/** Reasons that say that the model lost its way: asked again, it may find it. */
const MALFORMED: ReadonlySet<string> = new Set([
  'MALFORMED_FUNCTION_CALL',
  'UNEXPECTED_TOOL_CALL',
  'TOO_MANY_TOOL_CALLS',
  'MALFORMED_RESPONSE',
])

/** The state of one choice. */
export class GeminiChoice {
  readonly #index: number
  readonly #facts: ChoiceFacts
  #said = false
  /** Thoughts are no answer. */
  #answered = false
  #calls = 0
  /** The signature of the text; one call's signature travels with the call. */
  #signature: string | undefined
  #finishReason: string | undefined
  #finishMessage: string | undefined

  constructor(index: number, facts: ChoiceFacts) {
    this.#index = index
    this.#facts = facts
  }

  /** What this piece adds, or undefined where it adds nothing that a client could see. */
  read(candidate: Fields): ChatChunkChoice | undefined {
    const { finishReason, finishMessage } = candidate
    if (typeof finishReason === 'string') this.#finishReason = finishReason
    if (typeof finishMessage === 'string') this.#finishMessage = finishMessage
    const delta = this.#toDelta(asList(findAt(candidate, 'content.parts')))
    const logprobs = toLogprobs(candidate['logprobsResult'])
    if (Object.keys(delta).length === 0 && logprobs === null) return undefined
    const role = this.#said ? {} : { role: 'assistant' }
    this.#said = true
    this.#answered ||= delta.content !== undefined || delta.tool_calls !== undefined
    return { index: this.#index, delta: { ...role, ...delta }, logprobs, finish_reason: null }
  }

  /** How it ends: the last piece. Throws where the vendor never said so, and where the model lost its way. */
  finish(): ChatChunkChoice {
    const reason = this.#finishReason
    const { provider } = this.#facts
    if (reason === undefined) {
      throw new StackError('provider_stream_broken', { provider, reason: 'it ended without a finish reason' })
    }
    if (MALFORMED.has(reason) && !this.#answered) {
      const words = this.#finishMessage === undefined ? reason : `${reason}: ${this.#finishMessage}`
      throw new StackError('provider_bad_reply', { provider, reason: words })
    }
    const role = this.#said ? {} : { role: 'assistant' }
    const delta = { ...role, ...toExtraContent(this.#signature) }
    return { index: this.#index, delta, logprobs: null, finish_reason: this.#toFinishReason(reason) }
  }

  #toFinishReason(reason: string): string {
    if (reason === 'MAX_TOKENS') return 'length'
    if (FILTERED.has(reason)) return 'content_filter'
    return this.#calls > 0 ? 'tool_calls' : 'stop'
  }

  #toDelta(parts: readonly Fields[]): Delta {
    let content = ''
    let reasoning = ''
    const calls: ToolCalls = []
    for (const part of parts) {
      const { text, thought, thoughtSignature: signature, functionCall } = part
      if (isRecord(functionCall)) calls.push(...this.#toCall(functionCall, signature))
      else if (typeof signature === 'string') this.#signature = signature
      if (typeof text !== 'string') continue
      if (thought === true) reasoning += text
      else content += text
    }
    return {
      ...(reasoning !== '' && { reasoning_content: reasoning }),
      ...(content !== '' && { content }),
      ...(calls.length > 0 && { tool_calls: calls }),
    }
  }

  #toCall({ id: vendorId, name, args }: Fields, signature: unknown): ToolCalls {
    if (this.#facts.singleCall && this.#calls > 0) return []
    const id = typeof vendorId === 'string' && vendorId !== '' ? vendorId : this.#facts.newCallId()
    const signed = typeof signature === 'string' ? signature : undefined
    if (signed !== undefined) this.#facts.keepSignature(id, signed)
    const index = this.#calls
    this.#calls += 1
    const called = { name: typeof name === 'string' ? name : '', arguments: JSON.stringify(args ?? {}) }
    return [{ index, id, type: 'function', function: called, ...toExtraContent(signed) }]
  }
}

/** Where Google's OpenAI endpoint puts signatures, in calls and in messages. */
function toExtraContent(signature: string | undefined): object {
  return signature === undefined ? {} : { extra_content: { google: { thought_signature: signature } } }
}

/** OpenAI's log probabilities; the chosen token and its rivals are two lists of the same length. */
function toLogprobs(result: unknown): { readonly content: readonly object[]; readonly refusal: null } | null {
  const chosen = asList(findAt(result, 'chosenCandidates'))
  if (chosen.length === 0) return null
  const rivals = asList(findAt(result, 'topCandidates'))
  const content = chosen.map((candidate, index) => ({
    ...toTokenLogprob(candidate),
    top_logprobs: asList(rivals[index]?.['candidates']).map(toTokenLogprob),
  }))
  return { content, refusal: null }
}

function toTokenLogprob({ token, logProbability }: Fields): object {
  const text = typeof token === 'string' ? token : ''
  return { token: text, logprob: Number(logProbability ?? 0), bytes: [...Buffer.from(text)] }
}

function asList(of: unknown): readonly Fields[] {
  return Array.isArray(of) ? of.filter(isRecord) : []
}
