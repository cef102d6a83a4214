/** The events of a running response, for everybody who reads along: who asked for it, and who comes later. */
import { bug } from '@llama-stack/api'
import type { ByteSink, ByteStream, StackError } from '@llama-stack/api'
import type { EventSink } from '../output/event-writer.ts'

/** Told when there is more to read, or nothing will follow. */
export interface FeedReader {
  flow(): void
}

export interface EventFeedOptions {
  /** The sequence number of the first event that comes here. */
  readonly first: number
  /** Whether events that were read are kept for later readers. */
  readonly keeps: boolean
}

/** How many events a feed holds whose events are in the store. Who reads more slowly finds them there. */
const SHORT_LENGTH = 512

export class EventFeed implements EventSink {
  readonly #keeps: boolean
  #isShort = false
  #first: number
  #events: string[] = []
  #end: { readonly error: StackError | undefined } | undefined
  readonly #readers = new Set<FeedReader>()

  constructor({ first, keeps }: EventFeedOptions) {
    this.#first = first
    this.#keeps = keeps
  }

  event(json: string): void {
    if (this.#end !== undefined) return
    this.#events.push(json)
    if (this.#isShort && this.#events.length >= 2 * SHORT_LENGTH) this.#trim()
    for (const reader of this.#readers) reader.flow()
  }

  /** The sequence number after the last event so far. */
  get next(): number {
    return this.#first + this.#events.length
  }

  /** All events so far, where they are kept. */
  get events(): readonly string[] {
    return this.#events
  }

  get end(): { readonly error: StackError | undefined } | undefined {
    return this.#end
  }

  /** Nothing follows: because of the error, or because all is told. */
  close(error?: StackError): void {
    if (this.#end !== undefined) return
    this.#end = { error }
    for (const reader of this.#readers) reader.flow()
  }

  at(sequence: number): string | undefined {
    return this.#events[sequence - this.#first]
  }

  /** The earliest event that is still here. */
  get first(): number {
    return this.#first
  }

  /** From here on, all that comes is in the store before it comes: this holds the latest only. */
  shorten(): void {
    this.#isShort = true
    this.#trim()
  }

  /** A reader has read what came before this number. */
  forget(before: number): void {
    if (this.#keeps || this.#readers.size > 1) return
    if (before === this.next) {
      this.#first = before
      this.#events = []
    }
  }

  add(reader: FeedReader): void {
    this.#readers.add(reader)
  }

  remove(reader: FeedReader): void {
    this.#readers.delete(reader)
  }

  #trim(): void {
    const extra = this.#events.length - SHORT_LENGTH
    if (extra <= 0) return
    this.#first += extra
    this.#events = this.#events.slice(extra)
  }
}

/** Every event begins with its type. */
const TYPE_START = '{"type":"'.length

/** Frames an event for a stream: WHATWG HTML, section 9.2, with the `event:` line that OpenAI sends. */
export function toFrame(json: string): string {
  return `event: ${json.slice(TYPE_START, json.indexOf('"', TYPE_START))}\ndata: ${json}\n\n`
}

/** Gives a framed text to a sink in the form that the sink writes fastest. */
export function pushFrame(sink: ByteSink, frame: string): void {
  // As many bytes as characters: all of them are ASCII.
  if (sink.text !== undefined && Buffer.byteLength(frame) === frame.length) sink.text(frame)
  else sink.data(Buffer.from(frame))
}

/** Characters of events after which a sink may say that it has enough. */
const MAX_PIECE = 16_384

export interface FeedStreamOptions {
  readonly feed: EventFeed
  /** The reader has left before the end. */
  readonly onLeave: () => void
}

/** A whole feed as the body of the reply to whoever asked for the response. */
export class FeedStream implements ByteStream, FeedReader {
  readonly #options: FeedStreamOptions
  #sink: ByteSink | undefined
  #next: number
  #isPaused = false
  #isDue = false
  #isOver = false

  constructor(options: FeedStreamOptions) {
    this.#options = options
    this.#next = options.feed.first
  }

  pipe(sink: ByteSink): void {
    if (this.#sink !== undefined) bug('a feed is piped twice')
    this.#sink = sink
    this.#options.feed.add(this)
    // What is there already goes with the head of the reply.
    this.#flowNow()
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.flow()
  }

  cancel(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#options.feed.remove(this)
    this.#options.onLeave()
  }

  /** Soon: what one read of the model's stream brings is sent in one piece. */
  flow(): void {
    if (this.#isDue) return
    this.#isDue = true
    queueMicrotask(() => {
      this.#isDue = false
      this.#flowNow()
    })
  }

  #flowNow(): void {
    const sink = this.#sink
    if (sink === undefined) return
    const { feed } = this.#options
    // A sink that pauses or leaves does so while it is given something.
    while (!this.#isPaused && !this.#isOver) {
      const frames = this.#takeFrames()
      if (frames === '') break
      pushFrame(sink, frames)
    }
    feed.forget(this.#next)
    if (feed.end !== undefined && this.#next >= feed.next && !this.#isOver && !this.#isPaused) this.#finish(sink, feed)
  }

  /** The next events, framed: as many as a sink takes well at once. */
  #takeFrames(): string {
    const frames: string[] = []
    for (let length = 0; length < MAX_PIECE;) {
      const json = this.#options.feed.at(this.#next)
      if (json === undefined) break
      this.#next += 1
      frames.push(toFrame(json))
      length += json.length
    }
    return frames.length === 1 ? (frames[0] ?? '') : frames.join('')
  }

  #finish(sink: ByteSink, feed: EventFeed): void {
    this.#isOver = true
    feed.remove(this)
    if (feed.end?.error === undefined) sink.end()
    else sink.fail(feed.end.error)
  }
}
