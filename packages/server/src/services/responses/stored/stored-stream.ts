/** The stream of a response that is kept: what was told, and what is still to come, whoever makes it. */
import type { ByteSink, ByteStream } from '@llama-stack/api'
import { bug, isStackError, StackError } from '@llama-stack/api'
import type { ResponseRepository } from '../../../storage/agent-state.ts'
import { isOpen } from '../../../storage/response-status.ts'
import { obfuscate } from '../output/obfuscation.ts'
import { pushFrame, toFrame } from '../run/event-feed.ts'
import type { EventFeed, FeedReader } from '../run/event-feed.ts'
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
    this.#isBusy = true
    const isRead = this.#readFeed(sink)
    this.#isBusy = false
    if (isRead && !this.#isPaused && !this.#isOver) this.#look(sink)
  }

  /** Passes on what the feed has. True where what follows is not there, and will not be. */
  #readFeed(sink: ByteSink): boolean {
    const { feed } = this.#options
    if (feed === undefined) return true
    for (;;) {
      if (this.#isPaused || this.#isOver) return false
      const json = feed.at(this.#next)
      if (json === undefined) break
      this.#next += 1
      this.#push(sink, json)
    }
    return this.#next < feed.first || feed.end !== undefined
  }

  #push(sink: ByteSink, json: string): void {
    const { obfuscates } = this.#options
    pushFrame(sink, toFrame(obfuscates === undefined ? json : obfuscate(json, obfuscates)))
  }

  #look(sink: ByteSink): void {
    this.#isBusy = true
    this.#readStore(sink)
      .then((isEnded) => {
        this.#isBusy = false
        if (this.#isOver) return
        if (!isEnded) this.#lookAgain()
        else {
          this.cancel()
          sink.end()
        }
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
    else if (!this.#isPaused) {
      this.#timer = setTimeout(() => {
        this.#timer = undefined
        this.flow()
      }, LOOK_MS).unref()
    }
  }

  /** Passes on what the store has; true where nothing can follow. */
  async #readStore(sink: ByteSink): Promise<boolean> {
    const { responseId: id, repository } = this.#options
    const row = await repository.find(id)
    if (row === undefined) throw new StackError('response_not_found', { id })
    const isMade = isOpen(row.status)
    const after = this.#next - 1
    const events = isMade ? await repository.events(id, after) : await toldEvents(row, after, repository)
    if (this.#isOver) return false
    for (const json of events) this.#push(sink, json)
    this.#next += events.length
    return !isMade
  }
}
