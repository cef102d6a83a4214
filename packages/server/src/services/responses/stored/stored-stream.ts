/** The stream of a response that is kept: what was told, and what is still to come, whoever makes it. */
import type { ByteSink, ByteStream, CallContext } from '@llama-stack/api'
import { bug, isStackError, StackError } from '@llama-stack/api'
import type { ResponseRepository, ResponseRow } from '../../../storage/agent-state.ts'
import type { Storage } from '../../../storage/storage.ts'
import type { ActiveRuns } from '../run/active-runs.ts'
import { FeedStream, pushFrame, toFrame } from '../run/event-feed.ts'
import { toldEvents } from './told-events.ts'

export interface StoredStreamOptions {
  /** The number of the last event that the client has; -1 for none. */
  readonly after: number
  readonly context: CallContext
  readonly storage: Storage
  readonly active: ActiveRuns
}

export async function streamStored(
  row: ResponseRow,
  { after, context, storage, active }: StoredStreamOptions,
): Promise<ByteStream> {
  const repository = storage.responses(context.principal)
  const feed = active.find(row.id, context.principal)?.feed
  if (feed !== undefined) {
    const from = Math.max(after + 1, feed.first)
    const before = after + 1 < from ? (await repository.events(row.id, after)).slice(0, from - after - 1) : []
    return new FeedStream({ feed, before, from, onLeave: () => undefined })
  }
  return new WatchedEvents({ row, after, repository })
}

interface WatchOptions {
  readonly row: ResponseRow
  readonly after: number
  readonly repository: ResponseRepository
}

/** How often it is looked for events of a response that another process makes. */
const LOOK_MS = 200

/** The events of a response that this process does not make. */
class WatchedEvents implements ByteStream {
  readonly #options: WatchOptions
  #sink: ByteSink | undefined
  #after: number
  #isPaused = false
  #isOver = false
  #timer: NodeJS.Timeout | undefined

  constructor(options: WatchOptions) {
    this.#options = options
    this.#after = options.after
  }

  pipe(sink: ByteSink): void {
    if (this.#sink !== undefined) bug('a stream is piped twice')
    this.#sink = sink
    this.#look()
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    if (this.#timer === undefined) this.#look()
  }

  cancel(): void {
    this.#isOver = true
    clearTimeout(this.#timer)
  }

  #look(): void {
    this.#timer = undefined
    this.#read().catch((error: unknown) => {
      if (this.#isOver) return
      this.#isOver = true
      this.#sink?.fail(isStackError(error) ? error : new StackError('internal_error', {}, { cause: error }))
    })
  }

  async #read(): Promise<void> {
    const { row, repository } = this.#options
    const now = await repository.find(row.id)
    if (now === undefined) throw new StackError('response_not_found', { id: row.id })
    const isOpen = now.status === 'queued' || now.status === 'in_progress'
    const events = isOpen
      ? await repository.events(row.id, this.#after)
      : await toldEvents(now, this.#after, repository)
    if (this.#isOver || this.#sink === undefined) return
    for (const json of events) pushFrame(this.#sink, toFrame(json))
    this.#after += events.length
    if (isOpen) {
      if (!this.#isPaused) this.#timer = setTimeout(() => this.#look(), LOOK_MS).unref()
      return
    }
    this.#isOver = true
    this.#sink.end()
  }
}
