/**
 * A vendor's stream on its way to the client: relayed as the bytes that came, observed on the side, mended only where an
 * event needs it. The commit comes before `[DONE]`.
 */
import type { ByteSink, ByteStream, StreamQuirks } from '@llama-stack/api'
import { isStackError, StackError } from '@llama-stack/api'
import { MAX_TEXT_BYTES } from '../../kernel/byte-stream.ts'
import { fromLatin1, isAscii, toLatin1 } from '../../kernel/latin1.ts'
import { toProviderError } from '../../kernel/provider-failure.ts'
import { sseData, sseDone } from '../../kernel/sse.ts'
import { ChunkShortcut, toEvents } from './chunk-shortcut.ts'
import type { Run } from './chunk-shortcut.ts'
import type { CompletionObserver } from './completion-observer.ts'
import type { ModelRenamer } from './rename-model.ts'
import type { ReplyRepair } from './repair-chunk.ts'
import { isRecord } from '../../kernel/json-record.ts'
import { isUsageOnly } from './usage-only.ts'

export interface CompletionStreamOptions {
  readonly source: ByteStream
  readonly provider: string
  readonly quirks: StreamQuirks
  readonly repair: ReplyRepair
  readonly observer: CompletionObserver
  /** Absent when the reply keeps the vendor's name of the model. */
  readonly rename?: ModelRenamer
}

const DONE = Buffer.from(sseDone)
const LINE_FEED = 10
const CARRIAGE_RETURN = 13
/** No honest event is larger; without a bound a vendor that never ends one could fill the memory. */
const MAX_EVENT_BYTES = 64 * 1024 * 1024

/** An event ends with `\n\n` or `\n\r\n`: what of that may have come before is one byte less. */
const SEAM_BYTES = 2

type Piece = Record<string, unknown>

export class CompletionStream implements ByteStream, ByteSink {
  readonly #options: CompletionStreamOptions
  /** Absent for vendors each of whose chunks is mended. */
  #shortcut: ChunkShortcut | undefined
  #sink: ByteSink | undefined
  /** The beginning of an event whose end has not come yet, in the pieces it came in. */
  #held: string[] = []
  #heldBytes = 0
  /** The last of what is held: the end of an event may begin there. */
  #tail = ''
  /** What ends the stream once the events before it are on their way. */
  #failure: StackError | undefined
  #done = false
  #closed = false

  constructor(options: CompletionStreamOptions) {
    this.#options = options
    this.#shortcut = options.quirks.repair === undefined ? new ChunkShortcut(options.rename) : undefined
  }

  pipe(sink: ByteSink): void {
    this.#sink = sink
    this.#options.source.pipe(this)
  }

  pause(): void {
    this.#options.source.pause()
  }

  resume(): void {
    this.#options.source.resume()
  }

  cancel(): void {
    if (this.#closed) return
    this.#closed = true
    this.#options.observer.fail('client_closed')
    this.#options.source.cancel()
  }

  data(chunk: Uint8Array): void {
    this.text(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1'))
  }

  /** The stream is cut and joined as Latin-1: every byte is one character, whatever the text that it belongs to. */
  text(chunk: string): void {
    if (this.#closed || this.#done) return
    const seam = this.#tail.length
    const end = lastEventEnd(seam === 0 ? chunk : this.#tail + chunk) - seam
    if (end <= 0) {
      this.#hold(chunk)
      return
    }
    const whole = end === chunk.length ? chunk : chunk.slice(0, end)
    const events = seam === 0 ? whole : this.#release() + whole
    if (end < chunk.length) this.#hold(chunk.slice(end))
    if (!this.#closed) this.#relay(events)
  }

  /** Each byte of an event that comes in many pieces is looked at once, and all are joined when its end is there. */
  #hold(piece: string): void {
    this.#held.push(piece)
    this.#heldBytes += piece.length
    this.#tail = (this.#tail + piece.slice(-SEAM_BYTES)).slice(-SEAM_BYTES)
    if (this.#heldBytes > MAX_EVENT_BYTES) this.#failWith(this.#broken('one event is larger than 64 MiB'))
  }

  #release(): string {
    const held = this.#held.join('')
    this.#held = []
    this.#heldBytes = 0
    this.#tail = ''
    return held
  }

  /** Whole events. They go on as they are unless one of them has to change. */
  #relay(text: string): void {
    let output = ''
    for (let start = 0; start < text.length && !this.#done && this.#failure === undefined;) {
      const run = this.#shortcut?.findRun(text, start)
      if (run === undefined) {
        const end = eventEnd(text, start)
        const event = this.#event(text.slice(start, end))
        this.#keep(event)
        output += event
        start = end
      } else {
        if (this.#options.observer.keeps) this.#options.observer.collectRun(run)
        output = this.#passRun(run, output)
        start = run.end
      }
    }
    this.#send(output)
    if (this.#closed) return
    if (this.#failure !== undefined) this.#failWith(this.#failure)
    else if (this.#done) this.#complete()
  }

  /** Sends what stands before a run, and the run; what can go with what follows is given back. */
  #passRun(run: Run, before: string): string {
    const sink = this.#sink
    if (sink?.run === undefined) {
      const events = toEvents(run)
      if (events.length <= MAX_TEXT_BYTES) return before + events
      this.#send(before)
      this.#send(events)
      return ''
    }
    this.#send(before)
    const { choice, member } = run.frame
    if (!this.#closed) sink.run({ choice, member, texts: run.texts, toText: () => toEvents(run) })
    return ''
  }

  #keep(event: string): void {
    if (event !== '' && this.#options.observer.keeps) this.#options.observer.collectText(event)
  }

  #send(text: string): void {
    const sink = this.#sink
    if (text === '' || this.#closed) return
    if (sink?.text === undefined) sink?.data(Buffer.from(text, 'latin1'))
    else sink.text(text)
  }

  /** What the client gets for one event, its blank line included. The empty text where it gets nothing. */
  #event(event: string): string {
    const short = this.#shortcut?.relay(event)
    if (short !== undefined) return short
    return isAscii(event) ? this.#parse(event) : toLatin1(this.#parse(fromLatin1(event)))
  }

  #parse(event: string): string {
    const payload = payloadOf(event)
    // An empty one is how some gateways keep a connection alive.
    if (payload === undefined || payload === '') return ''
    if (payload === '[DONE]') {
      this.#done = true
      return ''
    }
    const piece = parsePiece(payload)
    if (piece === undefined) {
      this.#failure = this.#broken(`an event is not a JSON object: ${payload.slice(0, 100)}`)
      return ''
    }
    if (piece['error'] !== undefined && piece['error'] !== null) {
      const reply = { status: errorStatus(piece), headers: {}, bodyText: payload }
      this.#failure = toProviderError(this.#options.provider, reply)
      return ''
    }
    return this.#piece(piece, event, payload)
  }

  #piece(piece: Piece, event: string, payload: string): string {
    const { quirks, repair, observer, rename } = this.#options
    const mended = quirks.repair?.(piece) ?? piece
    const changed = repair.mend(mended) || mended !== piece
    observer.see(mended)
    if (quirks.stripUsageChunk === true && isUsageOnly(mended)) return ''
    if (!changed && isPlain(event)) this.#shortcut?.learn(event, mended)
    const json = changed ? JSON.stringify(mended) : payload
    const named = rename === undefined ? json : rename(json, mended)
    if (named !== payload) return sseData(named)
    return isPlain(event) ? event : sseData(payload)
  }

  end(): void {
    if (this.#closed || this.#done) return
    if (this.#heldBytes > 0) {
      // It may be cut: how it begins does not tell that it is whole.
      this.#shortcut = undefined
      this.#relay(`${this.#release()}\n\n`)
      if (this.#closed || this.#done) return
    }
    if (!this.#options.observer.sawFinish) {
      this.#failWith(this.#broken('it ended before the answer did'))
      return
    }
    this.#done = true
    this.#complete()
  }

  fail(error: StackError): void {
    if (this.#closed || this.#done) return
    this.#failWith(error)
  }

  #broken(reason: string): StackError {
    return new StackError('provider_stream_broken', { provider: this.#options.provider, reason })
  }

  #failWith(error: StackError): void {
    this.#closed = true
    this.#options.source.cancel()
    this.#options.observer.fail(error.code)
    this.#sink?.fail(error)
  }

  #complete(): void {
    const kept = this.#options.observer.finish('sse')
    if (kept === undefined) {
      this.#finish()
      return
    }
    kept.then(
      () => this.#finish(),
      (cause: unknown) => {
        this.#closed = true
        const error = isStackError(cause)
          ? cause
          : new StackError('storage_failed', { reason: String(cause) }, { cause })
        this.#sink?.fail(error)
      },
    )
  }

  #finish(): void {
    if (this.#closed) return
    this.#closed = true
    this.#sink?.data(DONE)
    this.#sink?.end()
  }
}

/** Where the last whole event ends: after a blank line, with `\n` or `\r\n` line ends. 0 when there is none. */
function lastEventEnd(text: string): number {
  // Nearly always the chunk ends with its event.
  if (text.endsWith('\n\n')) return text.length
  for (let at = text.lastIndexOf('\n'); at > 0; at = text.lastIndexOf('\n', at - 1)) {
    const before = text.charCodeAt(at - 1)
    if (before === LINE_FEED) return at + 1
    if (before === CARRIAGE_RETURN && text.charCodeAt(at - 2) === LINE_FEED) return at + 1
  }
  return 0
}

/** The index after the blank line that ends the event which begins at `start`. */
function eventEnd(text: string, start: number): number {
  let at = start
  for (;;) {
    at = text.indexOf('\n', at)
    if (at === -1) return text.length
    if (text.charCodeAt(at + 1) === LINE_FEED) return at + 2
    if (text.charCodeAt(at + 1) === CARRIAGE_RETURN && text.charCodeAt(at + 2) === LINE_FEED) return at + 3
    at += 1
  }
}

/** Exactly one `data: …` line: what is relayed as it came. */
function isPlain(event: string): boolean {
  return event.startsWith('data: ') && event.indexOf('\n') === event.length - 2
}

/** The data of an event; undefined for comments, which are the vendor's keep-alive and not ours. */
function payloadOf(event: string): string | undefined {
  if (isPlain(event)) return event.slice(6, -2)
  const lines: string[] = []
  for (const line of event.split(/\r?\n/)) {
    if (line.startsWith('data:')) lines.push(line.charCodeAt(5) === 32 ? line.slice(6) : line.slice(5))
  }
  return lines.length === 0 ? undefined : lines.join('\n')
}

function parsePiece(payload: string): Piece | undefined {
  try {
    const parsed: unknown = JSON.parse(payload)
    return isRecord(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}

/** The status that an error inside a stream stands for, where the vendor names one. */
function errorStatus(piece: Piece): number {
  const { error } = piece
  const code = typeof error === 'object' && error !== null && 'code' in error ? Number(error.code) : Number.NaN
  return code >= 400 && code < 600 ? code : 502
}
