/** The chunks of a streamed chat completion, or a whole one, as calls of a sink. */
import type { CompletionUsage, LogProb } from '@llama-stack/api'
import { asRecord, isRecord } from '../../../kernel/json-record.ts'
import type { ChatDeltaSink } from './chat-delta-sink.ts'
import { InlineThinking } from './inline-thinking.ts'
import { readContentParts, ReasoningDetails, reasoningOf } from './reasoning-fields.ts'
import { ToolCallFragments } from './tool-call-fragments.ts'

type Fields = Readonly<Record<string, unknown>>

export interface ChunkReaderOptions {
  /** An id for a call whose provider gave it none. */
  readonly newCallId: () => string
  /** Whether `<think>…</think>` at the beginning of the text is reasoning. Default: false. */
  readonly inlineThinking?: boolean | undefined
}

/** Reads the chunks of one turn in their order. Of several choices only the first is read. */
export class ChatChunkReader {
  readonly #sink: ChatDeltaSink
  readonly #calls: ToolCallFragments
  readonly #thinking: InlineThinking | undefined
  #details: ReasoningDetails | undefined
  #messageExtra: unknown
  #tier: string | undefined
  #isFinished = false

  constructor(sink: ChatDeltaSink, { newCallId, inlineThinking }: ChunkReaderOptions) {
    this.#sink = sink
    this.#calls = new ToolCallFragments((index, piece) => sink.toolCall(index, piece), newCallId)
    if (inlineThinking === true) {
      this.#thinking = new InlineThinking({
        text: (piece, logprobs) => sink.text(piece, logprobs),
        reasoning: (piece) => sink.reasoning(piece, true),
      })
    }
  }

  /** Whether the provider said why the turn ended. */
  get isFinished(): boolean {
    return this.#isFinished
  }

  /** Reads a parsed chunk, or a completion that came whole. */
  read(chunk: Fields): void {
    const { choices, usage, service_tier: tier } = chunk
    if (typeof tier === 'string' && tier !== this.#tier) {
      this.#tier = tier
      this.#sink.serviceTier(tier)
    }
    const choice: unknown = Array.isArray(choices) ? choices[0] : undefined
    if (isRecord(choice) && (choice['index'] ?? 0) === 0) this.#choice(choice)
    // As it was mended and checked on its way here.
    if (isRecord(usage)) this.#sink.usage(usage as CompletionUsage)
  }

  /** Reads pieces of text that nothing else came with. */
  readTexts(pieces: readonly string[]): void {
    const thinking = this.#thinking
    let next = 0
    while (thinking?.isOver === false && next < pieces.length) thinking.add(pieces[next++] ?? '')
    if (next < pieces.length) this.#sink.texts(next === 0 ? pieces : pieces.slice(next))
  }

  /** Tells what could only be told at the end. */
  end(): void {
    const details = this.#details?.entries ?? []
    const extra = {
      ...(details.length === 0 ? {} : { reasoning_details: details }),
      ...(this.#messageExtra === undefined ? {} : { extra_content: this.#messageExtra }),
    }
    if (Object.keys(extra).length > 0) this.#sink.extra(extra)
  }

  #choice(choice: Fields): void {
    const delta = asRecord(choice['delta'] ?? choice['message'])
    const reasoning = reasoningOf(delta)
    if (reasoning !== '') this.#sink.reasoning(reasoning)
    this.#content(delta['content'], findLogprobs(choice['logprobs']))
    const { refusal, reasoning_details: details, extra_content: extra } = delta
    if (typeof refusal === 'string' && refusal !== '') {
      this.#thinking?.release()
      this.#sink.refusal(refusal)
    }
    if (Array.isArray(details)) {
      this.#details ??= new ReasoningDetails()
      this.#details.add(details)
    }
    if (isRecord(extra)) this.#messageExtra = extra
    this.#toolCalls(delta)
    const { finish_reason: reason } = choice
    if (typeof reason === 'string' && reason !== '') this.#finish(reason)
  }

  #content(content: unknown, logprobs: readonly LogProb[] | undefined): void {
    if (Array.isArray(content)) {
      const { text, reasoning } = readContentParts(content)
      if (reasoning !== '') this.#sink.reasoning(reasoning)
      if (text !== '') this.readTexts([text])
    } else if (typeof content === 'string' && content !== '') {
      if (this.#thinking?.isOver === false) this.#thinking.add(content, logprobs)
      else this.#sink.text(content, logprobs)
    }
  }

  #toolCalls({ tool_calls: calls, function_call: only }: Fields): void {
    if (calls === undefined && only === undefined) return
    // What was said before a call stays before it.
    this.#thinking?.release()
    if (Array.isArray(calls)) for (const call of calls) this.#calls.add(call)
    // What OpenAI had before there were tools.
    if (isRecord(only)) this.#calls.add({ index: 0, function: only })
  }

  #finish(reason: string): void {
    if (this.#isFinished) return
    this.#isFinished = true
    this.#thinking?.release()
    this.#calls.end()
    this.#sink.finish(reason === 'function_call' ? 'tool_calls' : reason)
  }
}

function findLogprobs(of: unknown): readonly LogProb[] | undefined {
  const { content } = asRecord(of)
  // OpenAI's shape; providers that have logprobs send no other.
  return Array.isArray(content) && content.length > 0 ? (content as LogProb[]) : undefined
}
