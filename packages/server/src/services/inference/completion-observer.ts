/** What is noted of a completion while it passes: usage and timings for the request log, the copy for the store. */
import type { CallContext, Clock } from '@llama-stack/api'
import type { Frame, Run } from './chunk-shortcut.ts'

/** A completed reply as the store keeps it. */
export interface KeptReply {
  readonly id: string
  readonly format: 'json' | 'sse'
  readonly bytes: readonly Uint8Array[]
}

export interface ObserverOptions {
  readonly context: CallContext
  readonly clock: Clock
  readonly provider: string
  readonly providerModel: string
  /** Commits the reply. Absent when the caller or the server does not want it kept. */
  readonly keep?: (reply: KeptReply) => Promise<void>
  /** Told each piece that may hold more than text. */
  readonly onPiece?: (piece: object) => void
}

type Fields = Readonly<Record<string, unknown>>

/** One observer serves one call to a provider. */
export class CompletionObserver {
  readonly #options: ObserverOptions
  readonly #startedMs: number
  readonly #kept: Uint8Array[] = []
  #keptText = ''
  /** The frame of the events whose texts are being joined, and their text so far. */
  #frame: Frame | undefined
  #runText = ''
  #id: string | undefined
  #finished = false
  #sawFirst = false
  #attempted = false

  constructor(options: ObserverOptions) {
    this.#options = options
    this.#startedMs = options.clock.monotonic()
    const { record } = options.context
    if (record !== undefined) {
      record.providerId = options.provider
      record.providerModel = options.providerModel
    }
  }

  get context(): CallContext {
    return this.#options.context
  }

  get keeps(): boolean {
    return this.#options.keep !== undefined
  }

  /** Whether some choice said why it ended: a stream that closes without it broke off. */
  get sawFinish(): boolean {
    return this.#finished
  }

  /** Notes one parsed chunk, or the one completion of a call that does not stream. */
  see(piece: object): void {
    // Replies are JSON objects, whatever their declared type.
    const fields = piece as Fields
    this.#options.onPiece?.(piece)
    if (!this.#sawFirst) this.#seeFirst()
    const { id, usage, choices } = fields
    // Azure's first chunk, about its content filter, has an empty id.
    if (this.#id === undefined && typeof id === 'string' && id !== '') this.#id = id
    if (usage !== undefined && usage !== null) this.#countTokens(usage as Fields)
    if (this.#finished || !Array.isArray(choices)) return
    for (const choice of choices as readonly Fields[]) {
      if (choice['finish_reason'] !== null && choice['finish_reason'] !== undefined) this.#finished = true
    }
  }

  #seeFirst(): void {
    this.#sawFirst = true
    const { record } = this.#options.context
    if (record !== undefined) record.firstByteMs = this.#options.clock.monotonic() - this.#startedMs
  }

  #countTokens(usage: Fields): void {
    const { record } = this.#options.context
    if (record === undefined) return
    const { prompt_tokens: input, completion_tokens: output, total_tokens: total } = usage
    if (typeof input === 'number') record.inputTokens = input
    if (typeof output === 'number') record.outputTokens = output
    if (typeof total === 'number') record.totalTokens = total
  }

  /** Holds bytes for the store, as the client gets them. */
  collect(bytes: Uint8Array): void {
    this.#keepText()
    this.#kept.push(bytes)
  }

  /** The same, as Latin-1 text. */
  collectText(text: string): void {
    this.#keepRun()
    this.#keptText += text
  }

  /** The same for events that differ in their text alone: the store gets one event that says what all of them say. */
  collectRun({ frame, texts }: Run): void {
    if (frame !== this.#frame) {
      this.#keepRun()
      this.#frame = frame
    }
    for (const text of texts) this.#runText += text
  }

  #keepRun(): void {
    if (this.#frame === undefined) return
    this.#keptText += this.#frame.renamed.before + this.#runText + this.#frame.renamed.after
    this.#frame = undefined
    this.#runText = ''
  }

  #keepText(): void {
    this.#keepRun()
    if (this.#keptText === '') return
    this.#kept.push(Buffer.from(this.#keptText, 'latin1'))
    this.#keptText = ''
  }

  /** Notes the end and commits the copy; the client hears of the end only after that. Undefined: nothing to wait for. */
  finish(format: KeptReply['format']): Promise<void> | undefined {
    this.#attempt(null)
    if (this.#options.keep === undefined || this.#id === undefined) return undefined
    this.#keepText()
    return this.#options.keep({ id: this.#id, format, bytes: this.#kept })
  }

  /** Notes a failure after the head of the reply. Nothing is kept of a broken answer. */
  fail(code: string): void {
    this.#attempt(code)
  }

  #attempt(errorCode: string | null): void {
    const { context, provider: providerId, providerModel: model, clock } = this.#options
    if (context.record === undefined || this.#attempted) return
    this.#attempted = true
    const durationMs = clock.monotonic() - this.#startedMs
    ;(context.record.attempts ??= []).push({ providerId, model, status: null, errorCode, durationMs })
  }
}
