/** The replies of the Converse API as chat completions: event by event, and as a whole. Knows nothing of frames. */
import type { ChatChunkChoice, ChatCompletion, ChatCompletionChunk } from '@llama-stack/api'
import { asRecord } from '../../kernel/json-record.ts'
import type { Block } from './_bedrock-blocks.ts'
import { findText } from './_json-shape.ts'

type Fields = Readonly<Record<string, unknown>>
type Usage = NonNullable<ChatCompletion['usage']>
type Delta = ChatChunkChoice['delta']

/** What a reply needs beyond what the vendor says. */
export interface ReplyFacts {
  readonly id: string
  readonly model: string
  /** Unix seconds. */
  readonly created: number
  /** The tool whose input is the answer itself. */
  readonly answerTool: string | undefined
  /** Whether the client asked for the tokens that were used. */
  readonly wantsUsage: boolean
  /** Keeps the signed thoughts that led to a call, because clients do not send them back. */
  keepThoughts(callId: string, thoughts: readonly Block[]): void
}

interface SpokenCall {
  readonly id: string
  readonly name: string
  arguments: string
}

/** What one content block is, while it lasts. */
type OpenBlock =
  | { readonly kind: 'text' | 'answer' }
  | { readonly kind: 'call'; readonly index: number; readonly call: SpokenCall }
  | { readonly kind: 'thought'; text: string; signature: string; redacted: string }

/** "Message stop event" in the API reference. What is not here ended well. */
const finishReasons: Readonly<Record<string, string>> = Object.freeze({
  tool_use: 'tool_calls',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  guardrail_intervened: 'content_filter',
  content_filtered: 'content_filter',
})

/** Takes in the events of one reply, in their order. */
export class ConverseReply {
  readonly #facts: ReplyFacts
  readonly #blocks = new Map<unknown, OpenBlock>()
  readonly #calls: SpokenCall[] = []
  readonly #thoughts: Block[] = []
  #content = ''
  #reasoning = ''
  /** Text beside an answer that is asked for as a tool's input: it counts only where the tool is not called. */
  #beside = ''
  #answered = false
  #finish: string | undefined
  #usage: Usage | undefined

  constructor(facts: ReplyFacts) {
    this.#facts = facts
  }

  /** Whether the model said how its answer ended. */
  get isFinished(): boolean {
    return this.#finish !== undefined
  }

  /** The chunks that one event makes. */
  read(event: string, payload: Fields): ChatCompletionChunk[] {
    const index = payload['contentBlockIndex']
    switch (event) {
      case 'messageStart':
        return [this.#chunk({ role: 'assistant', content: '' })]
      case 'contentBlockStart':
        return this.#chunks(this.#start(index, asRecord(asRecord(payload['start'])['toolUse'])))
      case 'contentBlockDelta':
        return this.#chunks(this.#add(index, asRecord(payload['delta'])))
      case 'contentBlockStop':
        return this.#chunks(this.#close(index))
      case 'messageStop':
        return this.#stop(payload['stopReason'])
      case 'metadata':
        this.#usage = toUsage(asRecord(payload['usage']))
        return []
      default:
        return []
    }
  }

  /** The chunk that tells of the usage, where it is known or was asked for. */
  findUsageChunk(): ChatCompletionChunk | undefined {
    const usage = this.#usage ?? (this.#facts.wantsUsage ? toUsage({}) : undefined)
    return usage && { ...this.#frame([]), usage }
  }

  /** The chunks that a reply amounts to that comes in one piece. */
  readWhole(reply: Fields): ChatCompletionChunk[] {
    return toEvents(reply).flatMap(([event, payload]) => this.read(event, payload))
  }

  /** The completion that was read. */
  toCompletion(): ChatCompletion {
    const { id, created, model } = this.#facts
    const calls = this.#calls.map((call) => ({
      id: call.id,
      type: 'function',
      function: { name: call.name, arguments: call.arguments },
    }))
    const message: ChatCompletion['choices'][number]['message'] = {
      role: 'assistant',
      content: this.#content === '' && calls.length > 0 ? null : this.#content,
      refusal: null,
      ...(this.#reasoning === '' ? {} : { reasoning_content: this.#reasoning }),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    }
    const choice = { index: 0, message, finish_reason: this.#finish ?? 'stop', logprobs: null }
    return { id, object: 'chat.completion', created, model, choices: [choice], usage: this.#usage ?? toUsage({}) }
  }

  #start(index: unknown, { toolUseId, name }: Fields): Delta | undefined {
    if (typeof name !== 'string') return undefined
    if (name === this.#facts.answerTool) {
      this.#answered = true
      this.#blocks.set(index, { kind: 'answer' })
      return undefined
    }
    const call: SpokenCall = { id: String(toolUseId), name, arguments: '' }
    const position = this.#calls.push(call) - 1
    this.#blocks.set(index, { kind: 'call', index: position, call })
    return { tool_calls: [{ index: position, id: call.id, type: 'function', function: { name, arguments: '' } }] }
  }

  #add(index: unknown, delta: Fields): Delta | undefined {
    const { text, toolUse, reasoningContent } = delta
    if (typeof text === 'string') return this.#say(text, this.#facts.answerTool === undefined)
    if (reasoningContent !== undefined) return this.#think(index, asRecord(reasoningContent))
    const { input } = asRecord(toolUse)
    const block = this.#blocks.get(index)
    if (typeof input !== 'string' || input === '') return undefined
    if (block?.kind === 'answer') return this.#say(input, true)
    if (block?.kind !== 'call') return undefined
    block.call.arguments += input
    return { tool_calls: [{ index: block.index, function: { arguments: input } }] }
  }

  #say(text: string, isAnswer: boolean): Delta | undefined {
    if (!isAnswer) {
      this.#beside += text
      return undefined
    }
    this.#content += text
    return { content: text }
  }

  #think(index: unknown, said: Fields): Delta | undefined {
    const block = this.#blocks.get(index) ?? { kind: 'thought', text: '', signature: '', redacted: '' }
    this.#blocks.set(index, block)
    const { text, signature, redactedContent } = said
    if (block.kind !== 'thought') return undefined
    if (typeof signature === 'string') block.signature += signature
    if (typeof redactedContent === 'string') block.redacted += redactedContent
    if (typeof text !== 'string' || text === '') return undefined
    block.text += text
    this.#reasoning += text
    return { reasoning_content: text }
  }

  #close(index: unknown): Delta | undefined {
    const block = this.#blocks.get(index)
    this.#blocks.delete(index)
    if (block?.kind === 'thought') {
      const { text, signature, redacted } = block
      if (redacted !== '') this.#thoughts.push({ reasoningContent: { redactedContent: redacted } })
      else if (signature !== '') this.#thoughts.push({ reasoningContent: { reasoningText: { text, signature } } })
    }
    if (block?.kind !== 'call' || block.call.arguments !== '') return undefined
    // A tool without arguments is called with no text at all, which is no JSON.
    block.call.arguments = '{}'
    return { tool_calls: [{ index: block.index, function: { arguments: '{}' } }] }
  }

  #stop(reason: unknown): ChatCompletionChunk[] {
    const [first] = this.#calls
    if (first !== undefined && this.#thoughts.length > 0) this.#facts.keepThoughts(first.id, this.#thoughts)
    const finish = finishReasons[String(reason)] ?? 'stop'
    // A model that was to answer by calling a tool has answered, unless it called a real one too.
    this.#finish = finish === 'tool_calls' && first === undefined ? 'stop' : finish
    const isBeside = !this.#answered && first === undefined && this.#beside !== ''
    const late = isBeside ? this.#say(this.#beside, true) : undefined
    return [...this.#chunks(late), this.#frame([{ index: 0, delta: {}, finish_reason: this.#finish, logprobs: null }])]
  }

  #chunks(delta: Delta | undefined): ChatCompletionChunk[] {
    return delta === undefined ? [] : [this.#chunk(delta)]
  }

  #chunk(delta: Delta): ChatCompletionChunk {
    return this.#frame([{ index: 0, delta, finish_reason: null, logprobs: null }])
  }

  #frame(choices: ChatChunkChoice[]): ChatCompletionChunk {
    const { id, created, model, wantsUsage } = this.#facts
    return { id, object: 'chat.completion.chunk', created, model, choices, ...(wantsUsage && { usage: null }) }
  }
}

type StreamEvent = readonly [event: string, payload: Fields]

/** A reply in one piece as the stream that it might have been: one delta for each block. */
function toEvents(reply: Fields): readonly StreamEvent[] {
  const content = asRecord(asRecord(reply['output'])['message'])['content']
  const blocks: readonly unknown[] = Array.isArray(content) ? content : []
  return [
    ['messageStart', { role: 'assistant' }],
    ...blocks.flatMap((block, index) => toBlockEvents(asRecord(block), index)),
    ['messageStop', { stopReason: reply['stopReason'] }],
    ['metadata', { usage: reply['usage'] }],
  ]
}

function toBlockEvents(block: Fields, index: number): readonly StreamEvent[] {
  const of = { contentBlockIndex: index }
  const toolUse = asRecord(block['toolUse'])
  const { reasoningText, redactedContent } = asRecord(block['reasoningContent'])
  const delta =
    'toolUse' in block
      ? { toolUse: { input: JSON.stringify(toolUse['input'] ?? {}) } }
      : 'reasoningContent' in block
        ? { reasoningContent: { ...asRecord(reasoningText), redactedContent } }
        : { text: block['text'] ?? citedText(block['citationsContent']) }
  return [
    ['contentBlockStart', { ...of, start: { toolUse } }],
    ['contentBlockDelta', { ...of, delta }],
    ['contentBlockStop', of],
  ]
}

function citedText(of: unknown): string {
  const content = asRecord(of)['content']
  return (Array.isArray(content) ? content : []).map((part: unknown) => findText(asRecord(part)['text']) ?? '').join('')
}

/** OpenAI counts what was read from and written to a cache as part of the prompt, Converse beside it. */
function toUsage(usage: Fields): Usage {
  const count = (name: string): number => (typeof usage[name] === 'number' ? usage[name] : 0)
  const cached = count('cacheReadInputTokens')
  const written = count('cacheWriteInputTokens')
  const prompt = count('inputTokens') + cached + written
  const completion = count('outputTokens')
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    ...(cached + written > 0 && { prompt_tokens_details: { cached_tokens: cached, cache_write_tokens: written } }),
  }
}
