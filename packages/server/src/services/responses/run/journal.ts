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
  ConversationRepository,
  NewJob,
  ResponseProgress,
  ResponseRepository,
  ResponseRow,
} from '../../../storage/agent-state.ts'
import { countEvents } from '../../../storage/delta-run.ts'
import type { DeltaRun, ToldEvents } from '../../../storage/delta-run.ts'
import type { EventSink } from '../output/event-writer.ts'
import type { EventFeed } from './event-feed.ts'

/** The response at some moment, as rows have it. */
export type RowNow = Omit<ResponseRow, 'id'>

export interface JournalOptions {
  readonly id: string
  readonly repository: ResponseRepository
  readonly conversations: Pick<ConversationRepository, 'addItems'>
  /** Undefined where nobody reads events and none are kept. */
  readonly feed: EventFeed | undefined
  /** Whether the response is kept at all. */
  readonly isStored: boolean
  /** Takes a response that has ended and is not kept, before its end is told. */
  readonly onUnkept?: ((row: ResponseRow) => void) | undefined
  /** Takes a response that was kept when it had ended, before its end is told. */
  readonly onKept?: ((row: ResponseRow) => void) | undefined
  /** The name under which this process holds the response's job. */
  readonly worker: string
  /**
   * Called when nothing more can be kept: the response has ended elsewhere (it was cancelled, deleted, or taken over), or the
   * store fails, which is the reason.
   */
  readonly onLost: (reason?: string) => void
}

/** How long events of a run that nobody waits for may wait for each other. */
const FLUSH_MS = 40

export class Journal implements EventSink {
  readonly #options: JournalOptions
  /** Whether the row is there, and events are kept before they are told. */
  #isDurable = false
  /** Nothing is taken in any more: the end is written, or will be elsewhere. */
  #isOver = false
  #isLost = false
  #pending: ToldEvents[] = []
  #written: number
  #timer: NodeJS.Timeout | undefined
  #underWay = 0
  /** Writes follow each other. */
  #writing: Promise<void> = Promise.resolve()

  constructor(options: JournalOptions) {
    this.#options = options
    this.#written = options.feed?.next ?? 0
  }

  get isDurable(): boolean {
    return this.#isDurable
  }

  event(json: string): void {
    this.#take(json)
  }

  run(run: DeltaRun): void {
    this.#take(run)
  }

  /**
   * Keeps the response as it is now; from here on it is written as it goes. False where there is nothing left to go on with:
   * its end is being written.
   */
  async persist(row: RowNow, job: NewJob): Promise<boolean> {
    if (this.#isOver) return false
    const { id, repository, feed } = this.#options
    // What was told before belongs to the row. What comes meanwhile waits for it.
    const events = this.#untold(feed)
    this.#isDurable = true
    // The first write of all, in the hands of the store at once: the claims of calls that are under way come after it.
    this.#writing = repository.insert({ ...row, id }, { events, job })
    await this.#writing
    feed?.shorten()
    return true
  }

  /** The row is there already: an earlier process wrote it. */
  resume(): void {
    this.#isDurable = true
    this.#options.feed?.shorten()
  }

  /** Keeps progress, where progress is kept. */
  async checkpoint(progress: () => ResponseProgress): Promise<void> {
    if (!this.#isDurable) return
    this.#queue(progress())
    await this.#writing
  }

  /** Keeps the end of the response, with its last event, and tells it then. */
  async finish(row: () => RowNow, last: string | undefined, addition: ConversationAddition | undefined): Promise<void> {
    const { feed } = this.#options
    this.#isOver = true
    if (this.#isDurable) {
      if (last !== undefined) this.#pending.push(last)
      this.#queue(row(), addition)
      await this.#writing
    } else {
      await this.#writeWhole({ ...row(), id: this.#options.id }, last, addition)
      if (last !== undefined) feed?.tell(last)
    }
    feed?.close()
  }

  async #writeWhole(row: ResponseRow, last: string | undefined, addition: ConversationAddition | undefined) {
    const { repository, conversations, feed, isStored, onKept, onUnkept } = this.#options
    if (isStored) {
      await repository.insert(row, { events: this.#untold(feed, last), addition })
      onKept?.(row)
      return
    }
    // What is said in a conversation is its own, whether or not the response is kept.
    if (addition !== undefined) await conversations.addItems(addition.conversationId, addition.items)
    onUnkept?.(row)
  }

  /** Ends without an end, once what is being written is written. Readers hear of the error, or look elsewhere. */
  async abandon(error?: StackError): Promise<void> {
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#timer = undefined
    await this.#writing.catch(() => undefined)
    this.#options.feed?.close(error)
  }

  #take(told: ToldEvents): void {
    // Calls that were broken off may still have something to say.
    if (this.#isOver) return
    if (!this.#isDurable) {
      this.#options.feed?.tell(told)
      return
    }
    this.#pending.push(told)
    this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS)
  }

  /** Events wait for the write before theirs: where the disk is slow, writes become fewer and larger. */
  #flush(): void {
    this.#timer = undefined
    if (this.#underWay === 0 && this.#pending.length > 0) this.#queue({})
  }

  #untold(feed: EventFeed | undefined, last?: string) {
    const events = last === undefined ? (feed?.events ?? []) : [...(feed?.events ?? []), last]
    if (feed === undefined || events.length === 0) return undefined
    this.#written = feed.first + countEvents(events)
    return { firstSequence: feed.first, lastSequence: this.#written - 1, events }
  }

  #queue(progress: ResponseProgress, addition?: ConversationAddition): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const told = this.#pending
    this.#pending = []
    const { onLost } = this.#options
    const next = this.#written + countEvents(told)
    const events =
      told.length === 0 ? undefined : { firstSequence: this.#written, lastSequence: next - 1, events: told }
    this.#written = next
    this.#underWay += 1
    this.#writing = this.#writing.then(() => this.#advance(progress, { events, addition }))
    // Whoever waits for a write hears of its failure; so does the run, which must not go on without being kept.
    this.#writing.catch((error: unknown) => {
      if (this.#isLost) return
      this.#isLost = true
      onLost(String(error))
    })
  }

  async #advance(
    progress: ResponseProgress,
    also: Omit<Parameters<ResponseRepository['advance']>[2] & object, 'worker'>,
  ) {
    if (this.#isLost) return
    const { id, repository, feed, worker, onLost } = this.#options
    if (!(await repository.advance(id, progress, { ...also, worker }))) {
      this.#isLost = true
      onLost()
      return
    }
    for (const told of also.events?.events ?? []) feed?.tell(told)
    this.#underWay -= 1
    // What came meanwhile has waited for longer than it would have.
    if (this.#timer === undefined && !this.#isOver) this.#flush()
  }
}
