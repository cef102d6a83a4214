/**
 * What is kept of a run, and when.
 *
 * A response that somebody waits for is written once, when it ends. One that nobody waits for (it was asked for in the
 * background, or its client has left) is written as it goes, and its events are told only after they are written: who comes
 * back after a crash goes on from the last one that was seen.
 */
import type { StackError } from '@llama-stack/api'
import type {
  ConversationAddition,
  NewJob,
  ResponseProgress,
  ResponseRepository,
  ResponseRow,
} from '../../../storage/agent-state.ts'
import type { EventSink } from '../output/event-writer.ts'
import type { EventFeed } from './event-feed.ts'

/** The response at some moment, as rows have it. */
export type RowNow = Omit<ResponseRow, 'id'>

export interface JournalOptions {
  readonly id: string
  readonly repository: ResponseRepository
  /** Undefined where nobody reads events and none are kept. */
  readonly feed: EventFeed | undefined
  /** Whether the response is kept at all. */
  readonly isStored: boolean
  /** Called when the response has ended elsewhere: it was cancelled, or deleted. */
  readonly onEnded: () => void
}

/** How long events of a run that nobody waits for may wait for each other. */
const FLUSH_MS = 40

export class Journal implements EventSink {
  readonly #options: JournalOptions
  /** Whether the row is there, and events are kept before they are told. */
  #isDurable = false
  #pending: string[] = []
  #written: number
  #timer: NodeJS.Timeout | undefined
  /** Writes follow each other. */
  #writing: Promise<void> = Promise.resolve()

  constructor(options: JournalOptions) {
    this.#options = options
    this.#written = options.feed?.next ?? 0
  }

  get isDurable(): boolean {
    return this.#isDurable
  }

  event(type: string, json: string): void {
    if (!this.#isDurable) {
      this.#options.feed?.event(type, json)
      return
    }
    this.#pending.push(json)
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#queue({})
    }, FLUSH_MS)
  }

  /** Keeps the response as it is now; from here on it is written as it goes. */
  async persist(row: RowNow, job: NewJob): Promise<void> {
    const { id, repository, feed } = this.#options
    // What was told before belongs to the row. What comes meanwhile waits for it.
    const events = this.#untold(feed)
    this.#isDurable = true
    await this.#after(() => repository.insert({ ...row, id }, { events, job }))
  }

  /** The row is there already: an earlier process wrote it. */
  resume(): void {
    this.#isDurable = true
  }

  /** Keeps progress, where progress is kept. */
  async checkpoint(progress: () => ResponseProgress): Promise<void> {
    if (!this.#isDurable) return
    this.#queue(progress())
    await this.#writing
  }

  /** Keeps the end of the response, with its last event, and tells it then. */
  async finish(row: () => RowNow, last: string | undefined, addition: ConversationAddition | undefined): Promise<void> {
    const { id, repository, feed, isStored } = this.#options
    if (this.#isDurable) {
      if (last !== undefined) this.#pending.push(last)
      this.#queue(row(), addition)
      await this.#writing
    } else if (isStored) {
      const events = this.#untold(feed, last)
      await repository.insert({ ...row(), id }, { events, addition })
      if (last !== undefined) feed?.event('', last)
    } else if (last !== undefined) feed?.event('', last)
    feed?.close()
  }

  /** Nothing is kept, and readers are told why. */
  abandon(error?: StackError): void {
    clearTimeout(this.#timer)
    this.#options.feed?.close(error)
  }

  /** Waits until what is known is written. */
  async flush(): Promise<void> {
    if (this.#isDurable && this.#pending.length > 0) this.#queue({})
    await this.#writing
  }

  #untold(feed: EventFeed | undefined, last?: string) {
    const events = last === undefined ? (feed?.events ?? []) : [...(feed?.events ?? []), last]
    if (feed === undefined || events.length === 0) return undefined
    this.#written = feed.first + events.length
    return { firstSequence: feed.first, lastSequence: this.#written - 1, events }
  }

  #queue(progress: ResponseProgress, addition?: ConversationAddition): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const told = this.#pending
    this.#pending = []
    const { id, repository, feed, onEnded } = this.#options
    const events =
      told.length === 0
        ? undefined
        : { firstSequence: this.#written, lastSequence: this.#written + told.length - 1, events: told }
    this.#written += told.length
    const writing = this.#after(async () => {
      if (!(await repository.advance(id, progress, { events, addition }))) onEnded()
      for (const json of told) feed?.event('', json)
    })
    // Whoever waits for a write hears of its failure; the timer's are heard of by the next.
    writing.catch(() => undefined)
  }

  #after(write: () => Promise<void>): Promise<void> {
    this.#writing = this.#writing.then(write)
    return this.#writing
  }
}
