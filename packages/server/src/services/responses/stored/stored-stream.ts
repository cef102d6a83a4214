/** The stream of a response that is kept: what was told, and what is still to come, whoever makes it. */
import type { ByteSink, ByteStream } from '@llama-stack/api'
import { bug, isStackError, StackError } from '@llama-stack/api'
import type { ResponseRepository } from '../../../storage/agent-state.ts'
import { isOpen } from '../../../storage/response-status.ts'
import { obfuscate } from '../output/obfuscation.ts'
import type { EventFeed, FeedReader } from '../run/event-feed.ts'
import { pushFrame, toFrame } from '../run/event-frames.ts'
import { toldEvents } from './told-events.ts'

export interface StoredStreamOptions {
  readonly responseId: string
  /** The number of the last event that the client has; -1 for none. */
  readonly after: number
  readonly repository: ResponseRepository
  /** The events as they come, where this process makes the response. */
  readonly feed: EventFeed | undefined
  /** Whether deltas are padded. Absent: as they were when they were told first. */
  readonly obfuscates?: boolean | undefined
}

/** Events from the store. */
interface StoredEvents extends Pick<EventFeed, 'at'> {
  /** Whether nothing follows them. */
  readonly isEnd: boolean
}

const NOTHING: StoredEvents = Object.freeze({ at: () => undefined, isEnd: false })

/** How often it is looked for events of a response that another process makes. */
const LOOK_MS = 200

/**
 * Reads along from the feed where there is one and it still has what comes next, and from the store otherwise: events are
 * there before they are told. A feed that ends before the response does is followed by another process's events.
 */
export class StoredStream implements ByteStream, FeedReader {
  readonly #options: StoredStreamOptions
  #sink: ByteSink | undefined
  #next: number
  /** What was read from the store, of which a reader that has paused may still lack something. */
  #stored: StoredEvents = NOTHING
  #isPaused = false
  #isBusy = false
  #isOver = false
  #timer: NodeJS.Timeout | undefined

  constructor(options: StoredStreamOptions) {
    this.#options = options
    this.#next = options.after + 1
  }

  pipe(sink: ByteSink): void {
    if (this.#sink !== undefined) bug('a stream is piped twice')
    this.#sink = sink
    this.#options.feed?.add(this)
    this.flow()
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.flow()
  }

  cancel(): void {
    this.#isOver = true
    this.#options.feed?.remove(this)
    clearTimeout(this.#timer)
  }

  flow(): void {
    const sink = this.#sink
    // A sink that pauses or leaves does so while it is given something.
    if (sink === undefined || this.#isBusy || this.#timer !== undefined) return
    if (this.#passStored(sink) && this.#passFeed(sink)) this.#look(sink)
  }

  /** Passes on what was read from the store. True where that is done, and more may follow. */
  #passStored(sink: ByteSink): boolean {
    const { isEnd } = this.#stored
    if (!this.#passOn(sink, this.#stored)) return false
    this.#stored = NOTHING
    if (!isEnd) return true
    this.cancel()
    sink.end()
    return false
  }

  /** Passes on what the feed has. True where what follows is not there, and will not be. */
  #passFeed(sink: ByteSink): boolean {
    const { feed } = this.#options
    if (feed === undefined) return true
    return this.#passOn(sink, feed) && (this.#next < feed.first || feed.end !== undefined)
  }

  /** Passes on what follows, as far as it is there. False where the reader has paused or left. */
  #passOn(sink: ByteSink, source: Pick<EventFeed, 'at'>): boolean {
    this.#isBusy = true
    let json: string | undefined
    while (this.#isFlowing && (json = source.at(this.#next)) !== undefined) {
      this.#next += 1
      this.#push(sink, json)
    }
    this.#isBusy = false
    return this.#isFlowing
  }

  get #isFlowing(): boolean {
    return !this.#isPaused && !this.#isOver
  }

  #push(sink: ByteSink, json: string): void {
    const { obfuscates } = this.#options
    pushFrame(sink, toFrame(obfuscates === undefined ? json : obfuscate(json, obfuscates)))
  }

  #look(sink: ByteSink): void {
    this.#isBusy = true
    this.#readStore()
      .then((stored) => {
        this.#stored = stored
        if (this.#passStored(sink)) this.#lookAgain()
      })
      .catch((error: unknown) => {
        if (this.#isOver) return
        this.cancel()
        sink.fail(isStackError(error) ? error : new StackError('internal_error', {}, { cause: error }))
      })
  }

  #lookAgain(): void {
    const { feed } = this.#options
    // What was read from the store may have led to where the feed begins.
    const isFed = feed !== undefined && feed.end === undefined && this.#next >= feed.first
    if (isFed) this.flow()
    else {
      this.#timer = setTimeout(() => {
        this.#timer = undefined
        this.flow()
      }, LOOK_MS).unref()
    }
  }

  async #readStore(): Promise<StoredEvents> {
    const { responseId: id, repository } = this.#options
    const row = await repository.find(id)
    if (row === undefined) throw new StackError('response_not_found', { id })
    const isMade = isOpen(row.status)
    const first = this.#next
    const events = isMade ? await repository.events(id, first - 1) : await toldEvents(row, first - 1, repository)
    return { at: (sequence) => events[sequence - first], isEnd: !isMade }
  }
}
