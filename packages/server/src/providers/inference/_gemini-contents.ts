/** A conversation in Gemini's words: the instruction apart, the turns of user and model, calls and their results. */
import { StackError } from '@llama-stack/api'
import type { ChatMessage, ToolCall } from '@llama-stack/api'
import { asRecord, isRecord } from '../../kernel/json-record.ts'
import { findAt } from './_json-shape.ts'
import { toGeminiPart, toText } from './_gemini-media.ts'
import type { GeminiContent, GeminiPart } from './_gemini-wire.ts'

/** What is known of signatures beyond the messages themselves. */
export interface SignatureFacts {
  /** The signature that came with a call, for clients that do not send it back. */
  findSignature(callId: string): string | undefined
  /** Whether the model refuses a turn of calls without one. */
  readonly required: boolean
}

/** The two places that a conversation goes to. */
export interface GeminiConversation {
  readonly contents: readonly GeminiContent[]
  readonly systemInstruction?: { readonly parts: readonly GeminiPart[] }
}

/**
 * What Google documents for calls that no Gemini model made, such as those of another model earlier in the conversation.
 * https://ai.google.dev/gemini-api/docs/thought-signatures
 */
const NO_SIGNATURE = 'skip_thought_signature_validator'

/** Translates the messages. Instructions stand apart wherever they are in the conversation. */
export function toGeminiConversation(messages: readonly ChatMessage[], facts: SignatureFacts): GeminiConversation {
  const turns = new Turns(facts)
  const instructions: GeminiPart[] = []
  for (const [index, message] of messages.entries()) {
    if (message.role === 'system' || message.role === 'developer') instructions.push({ text: toText(message.content) })
    else turns.add(message, `messages[${index}]`)
  }
  const contents = turns.finish()
  // A conversation has to have a turn: instructions alone are one.
  if (contents.length === 0) return { contents: [{ role: 'user', parts: instructions }] }
  return { contents, ...(instructions.length > 0 && { systemInstruction: { parts: instructions } }) }
}

type TurnMessage = Exclude<ChatMessage, { role: 'system' | 'developer' }>
type MessageOf<Role> = Extract<ChatMessage, { role: Role }>

class Turns {
  readonly #facts: SignatureFacts
  readonly #contents: GeminiContent[] = []
  /** The names of all calls so far by their ids. */
  readonly #names = new Map<string, string>()
  /** The ids of the latest turn of calls, in their order. */
  #called: readonly string[] = []
  /** Results that are still to become a turn: all results of one turn of calls have to be in one. */
  #results: { readonly callId: string; readonly part: GeminiPart }[] = []

  constructor(facts: SignatureFacts) {
    this.#facts = facts
  }

  add(message: TurnMessage, param: string): void {
    if (message.role === 'tool') return this.#addResult(message, param)
    if (message.role === 'function') {
      const { name, content } = message
      this.#results.push({ callId: name, part: toResultPart(name, content ?? '') })
      return
    }
    this.#closeResults()
    if (message.role === 'assistant') this.#addModelTurn(message)
    else this.#contents.push({ role: 'user', parts: toUserParts(message, param) })
  }

  finish(): readonly GeminiContent[] {
    this.#closeResults()
    return this.#contents
  }

  #addResult({ tool_call_id: callId, content, name }: MessageOf<'tool'>, param: string): void {
    const called = this.#names.get(callId) ?? name
    if (typeof called !== 'string') {
      throw new StackError('invalid_value', {
        param: `${param}.tool_call_id`,
        problem: 'no assistant message before it has a tool call with this id',
        value: `'${callId}'`,
        fix: 'Send the assistant message with the call too.',
      })
    }
    this.#results.push({ callId, part: toResultPart(called, toText(content)) })
  }

  #closeResults(): void {
    if (this.#results.length === 0) return
    const order = (callId: string): number => {
      const at = this.#called.indexOf(callId)
      return at === -1 ? this.#called.length : at
    }
    const parts = this.#results.toSorted((a, b) => order(a.callId) - order(b.callId)).map(({ part }) => part)
    this.#contents.push({ role: 'user', parts })
    this.#results = []
  }

  #addModelTurn(message: MessageOf<'assistant'>): void {
    const calls = toCalls(message)
    for (const { id, function: called } of calls) {
      if (id !== undefined && called?.name !== undefined) this.#names.set(id, called.name)
    }
    this.#called = calls.map(({ id }) => id ?? '')
    const parts = [...toModelTextParts(message), ...calls.map((call, index) => this.#toCallPart(call, index))]
    if (parts.length > 0) this.#contents.push({ role: 'model', parts })
  }

  #toCallPart(call: ToolCall, index: number): GeminiPart {
    const { id, function: { name = '', arguments: text = '' } = {} } = call
    const known = findSignatureOf(call) ?? (id === undefined ? undefined : this.#facts.findSignature(id))
    // Of parallel calls only the first is signed.
    const thoughtSignature = known ?? (this.#facts.required && index === 0 ? NO_SIGNATURE : undefined)
    return {
      functionCall: { name, args: parseArguments(text) },
      ...(thoughtSignature !== undefined && { thoughtSignature }),
    }
  }
}

function toUserParts({ content }: MessageOf<'user'>, param: string): readonly GeminiPart[] {
  if (typeof content === 'string') return [{ text: content }]
  return content.map((part, index) => toGeminiPart(part, `${param}.content[${index}]`))
}

function toModelTextParts(message: MessageOf<'assistant'>): readonly GeminiPart[] {
  const text = toText(message.content)
  const thoughtSignature = findSignatureOf(message)
  if (text === '' && thoughtSignature === undefined) return []
  return [{ text, ...(thoughtSignature !== undefined && { thoughtSignature }) }]
}

/** The calls of a message; OpenAI's first form had one, in `function_call`. */
function toCalls(message: MessageOf<'assistant'>): readonly ToolCall[] {
  const { tool_calls: calls, function_call: legacy } = message
  if (calls !== undefined && calls !== null) return calls
  if (!isRecord(legacy) || typeof legacy['name'] !== 'string') return []
  const { name, arguments: text } = legacy
  return [{ id: name, function: { name, ...(typeof text === 'string' && { arguments: text }) } }]
}

/** Where Google's OpenAI endpoint has signatures too. */
function findSignatureOf(of: object): string | undefined {
  const signature = findAt(of, 'extra_content.google.thought_signature')
  return typeof signature === 'string' ? signature : undefined
}

/** Gemini takes objects only; a text that is none is kept whole, because a model wrote it and may have to read it again. */
function parseArguments(text: string): object {
  if (text.trim() === '') return {}
  const parsed = findObject(text)
  return parsed ?? { arguments: text }
}

/** `output` is the key that Gemini knows for results that are no object. */
function toResultPart(name: string, text: string): GeminiPart {
  return { functionResponse: { name, response: findObject(text) ?? { output: text } } }
}

function findObject(text: string): Record<string, unknown> | undefined {
  if (!text.trimStart().startsWith('{')) return undefined
  try {
    return asRecord(JSON.parse(text))
  } catch {
    return undefined
  }
}
