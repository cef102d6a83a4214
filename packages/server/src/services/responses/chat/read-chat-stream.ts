/** The inference service's reply to one turn, whatever its kind, pushed piece by piece into a sink. */
import { StackError } from '@llama-stack/api'
import type { ByteSink, ByteStream, ChatCompletion, ChatCompletionChunk, Reply, TextRun } from '@llama-stack/api'
import { isRecord } from '../../../kernel/json-record.ts'
import { fromLatin1 } from '../../../kernel/latin1.ts'
import { toProviderError } from '../../../kernel/provider-failure.ts'
import { createSseParser } from '../../../kernel/sse.ts'
import type { SseParser } from '../../../kernel/sse.ts'
import { ChatChunkReader } from './chat-chunk-reader.ts'
import type { ChunkReaderOptions } from './chat-chunk-reader.ts'
import type { ChatDeltaSink } from './chat-delta-sink.ts'
import { readTexts } from './run-texts.ts'

export interface ReadChatOptions extends ChunkReaderOptions {
  /** Who answers, for what is said of a broken reply. */
  readonly provider: string
  /** Gives up when it is aborted: the provider's reply is closed at once. */
  readonly signal: AbortSignal
}

/**
 * Reads a reply to its end, or until the signal is aborted: then the sink hears nothing more. Rejects with the error of a
 * stream that broke off or that tells of one, and with what the sink throws.
 */
export async function readChatStream(
  reply: Reply<ChatCompletion, ChatCompletionChunk>,
  sink: ChatDeltaSink,
  options: ReadChatOptions,
): Promise<'ended' | 'aborted'> {
  const reader = new ChatChunkReader(sink, options)
  switch (reply.kind) {
    case 'stream':
      return new StreamReading(reply.stream, reader, options).outcome
    case 'events':
      return readEvents(reply.events, reader, options)
    case 'value':
      readWhole(reply.value, reader, options)
      return 'ended'
    case 'bytes':
      readWhole(parse(toText(reply.bytes), options.provider), reader, options)
      return 'ended'
  }
}

async function readEvents(
  events: AsyncIterable<ChatCompletionChunk>,
  reader: ChatChunkReader,
  options: ReadChatOptions,
): Promise<'ended' | 'aborted'> {
  const iterator = events[Symbol.asyncIterator]()
  const { signal } = options
  const abort = Promise.withResolvers<'aborted'>()
  const onAbort = (): void => abort.resolve('aborted')
  signal.addEventListener('abort', onAbort)
  try {
    for (;;) {
      const next = signal.aborted ? 'aborted' : await Promise.race([iterator.next(), abort.promise])
      if (next === 'aborted' || signal.aborted) {
        close(iterator)
        return 'aborted'
      }
      if (next.done === true) break
      readChunk(next.value, reader, options)
    }
  } catch (error) {
    close(iterator)
    throw error
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
  finish(reader, options)
  return 'ended'
}

/** Lets a source go. Nobody waits for it: it may itself wait for an event that never comes. */
function close(iterator: AsyncIterator<unknown>): void {
  iterator.return?.().catch(() => undefined)
}

function readWhole(
  completion: Readonly<Record<string, unknown>>,
  reader: ChatChunkReader,
  options: ReadChatOptions,
): void {
  readChunk(completion, reader, options)
  finish(reader, options)
}

function readChunk(
  chunk: Readonly<Record<string, unknown>>,
  reader: ChatChunkReader,
  { provider }: ReadChatOptions,
): void {
  const { error } = chunk
  if (error !== undefined && error !== null) {
    throw toProviderError(provider, { status: 502, headers: {}, bodyText: JSON.stringify(chunk) })
  }
  reader.read(chunk)
}

function finish(reader: ChatChunkReader, { provider }: ReadChatOptions): void {
  if (!reader.isFinished) throw broken(provider, 'it ended before the answer did')
  reader.end()
}

/** A stream of server-sent events. Texts come as Latin-1 and mostly in whole events. */
class StreamReading implements ByteSink {
  readonly #source: ByteStream
  readonly #reader: ChatChunkReader
  readonly #options: ReadChatOptions
  readonly #parser: SseParser
  /** Whether the parser holds the beginning of an event. */
  #isCut = false
  #isOver = false
  #resolve: (outcome: 'ended' | 'aborted') => void = () => undefined
  #reject: (error: unknown) => void = () => undefined
  readonly outcome: Promise<'ended' | 'aborted'>

  constructor(source: ByteStream, reader: ChatChunkReader, options: ReadChatOptions) {
    this.#source = source
    this.#reader = reader
    this.#options = options
    this.#parser = createSseParser(({ data }) => this.#payload(data), {
      onTooLarge: () => this.#giveUp(broken(options.provider, 'one event is larger than 64 MiB')),
    })
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    if (options.signal.aborted) this.#abort()
    else {
      options.signal.addEventListener('abort', this.#abort, { once: true })
      source.pipe(this)
    }
  }

  data(chunk: Uint8Array): void {
    this.text(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1'))
  }

  text(chunk: string): void {
    if (this.#isOver) return
    try {
      if (!this.#isCut && chunk.endsWith('\n\n')) this.#events(chunk)
      else this.#parse(chunk)
    } catch (error) {
      this.#giveUp(error)
    }
  }

  run(run: TextRun): void {
    if (this.#isOver) return
    const texts = this.#isCut || run.choice !== 0 || run.member !== 'content' ? undefined : readTexts(run)
    if (texts === undefined) {
      this.text(run.toText())
      return
    }
    try {
      this.#reader.readTexts(texts)
    } catch (error) {
      this.#giveUp(error)
    }
  }

  end(): void {
    if (this.#isOver) return
    try {
      this.#parser.end()
      finish(this.#reader, this.#options)
      this.#settle(() => this.#resolve('ended'))
    } catch (error) {
      this.#giveUp(error)
    }
  }

  fail(error: StackError): void {
    if (!this.#isOver) this.#settle(() => this.#reject(error))
  }

  /** Whole events, each of which ends with `\n\n`. */
  #events(text: string): void {
    for (let start = 0; start < text.length && !this.#isOver;) {
      const end = text.indexOf('\n\n', start) + 2
      this.#event(start === 0 && end === text.length ? text : text.slice(start, end))
      start = end
    }
  }

  #event(event: string): void {
    if (event.startsWith('data: ') && event.indexOf('\n') === event.length - 2) {
      this.#payload(fromLatin1(event.slice('data: '.length, -2)))
    } else this.#parse(event)
  }

  /** The long way: comments, several lines, other line ends, and events in pieces. */
  #parse(text: string): void {
    this.#parser.push(Buffer.from(text, 'latin1'))
    this.#isCut = !text.endsWith('\n\n')
  }

  #payload(payload: string): void {
    if (this.#isOver || payload === '' || payload === '[DONE]') return
    readChunk(parse(payload, this.#options.provider), this.#reader, this.#options)
  }

  readonly #abort = (): void => {
    this.#settle(() => this.#resolve('aborted'))
    this.#source.cancel()
  }

  #giveUp(error: unknown): void {
    if (this.#isOver) return
    this.#settle(() => this.#reject(error))
    this.#source.cancel()
  }

  #settle(tell: () => void): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#options.signal.removeEventListener('abort', this.#abort)
    tell()
  }
}

function toText(bytes: Uint8Array | string): string {
  if (typeof bytes === 'string') return bytes
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}

function parse(json: string, provider: string): Readonly<Record<string, unknown>> {
  let parsed: unknown
  try {
    parsed = JSON.parse(json)
  } catch {
    // Said below: a cut text and a text of something else are the same.
  }
  if (isRecord(parsed)) return parsed
  throw broken(provider, `an event is not a JSON object: ${json.slice(0, 100)}`)
}

function broken(provider: string, reason: string): StackError {
  return new StackError('provider_stream_broken', { provider, reason })
}
