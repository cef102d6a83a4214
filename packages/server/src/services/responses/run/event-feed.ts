/** The events of a running response, for everybody who reads along: who asked for it, and who comes later. */
import { bug } from '@llama-stack/api'
import type { ByteSink, ByteStream, StackError } from '@llama-stack/api'
import { countEvents, toEvent } from '../../../storage/delta-run.ts'
import type { ToldEvents } from '../../../storage/delta-run.ts'
import { pushFrame, toFrame, toRunFrames } from './event-frames.ts'

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

/** Some of what a feed holds, and which of it comes next. */
export interface FoundEvents {
  readonly told: ToldEvents
  /** Within a run; 0 for a single event. */
  readonly index: number
}

export class EventFeed {
  readonly #keeps: boolean
  #isShort = false
  #told: ToldEvents[] = []
  /** The number of the first event of each. */
  #firsts: number[] = []
  #first: number
  #next: number
  #end: { readonly error: StackError | undefined } | undefined
  readonly #readers = new Set<FeedReader>()

  constructor({ first, keeps }: EventFeedOptions) {
    this.#first = first
    this.#next = first
    this.#keeps = keeps
  }

  tell(told: ToldEvents): void {
    if (this.#end !== undefined) return
    this.#told.push(told)
    this.#firsts.push(this.#next)
    this.#next += countEvents([told])
    if (this.#isShort && this.#next - this.#first >= 2 * SHORT_LENGTH) this.#trim()
    for (const reader of this.#readers) reader.flow()
  }

  /** The sequence number after the last event so far. */
  get next(): number {
    return this.#next
  }

  /** All events so far, where they are kept. */
  get events(): readonly ToldEvents[] {
    return this.#told
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

  /** The event with this number, with those that it came with. Undefined where it is not here. */
  find(sequence: number): FoundEvents | undefined {
    if (sequence < this.#first || sequence >= this.#next) return undefined
    const place = this.#placeOf(sequence)
    return { told: this.#told[place] ?? '', index: sequence - (this.#firsts[place] ?? 0) }
  }

  at(sequence: number): string | undefined {
    const found = this.find(sequence)
    if (found === undefined) return undefined
    return typeof found.told === 'string' ? found.told : toEvent(found.told, found.index)
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
    if (before === this.#next) {
      this.#first = before
      this.#told = []
      this.#firsts = []
    }
  }

  add(reader: FeedReader): void {
    this.#readers.add(reader)
  }

  remove(reader: FeedReader): void {
    this.#readers.delete(reader)
  }

  #trim(): void {
    const from = this.#next - SHORT_LENGTH
    if (from <= this.#first) return
    const place = this.#placeOf(from)
    this.#told = this.#told.slice(place)
    this.#firsts = this.#firsts.slice(place)
    this.#first = this.#firsts[0] ?? this.#next
  }

  /** Where among what was told the event of this number is. */
  #placeOf(sequence: number): number {
    let [low, high] = [0, this.#firsts.length - 1]
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.#firsts[middle] ?? 0) <= sequence) low = middle
      else high = middle - 1
    }
    return low
  }
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
    let taken = ''
    while (taken.length < MAX_PIECE) {
      const found = this.#options.feed.find(this.#next)
      if (found === undefined) break
      const { told, index } = found
      if (typeof told === 'string') {
        taken += toFrame(told)
        this.#next += 1
      } else {
        const { frames, count } = toRunFrames(told, index, MAX_PIECE - taken.length)
        taken += frames
        this.#next += count
      }
    }
    return taken
  }

  #finish(sink: ByteSink, feed: EventFeed): void {
    this.#isOver = true
    feed.remove(this)
    if (feed.end?.error === undefined) sink.end()
    else sink.fail(feed.end.error)
  }
}
