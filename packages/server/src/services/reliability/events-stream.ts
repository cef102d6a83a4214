/** Typed events as the byte stream that a client gets: framed, pulled only as fast as they are taken. */
import type { ByteSink, ByteStream } from '@llama-stack/api'
import { sseData, sseDone } from '../../kernel/sse.ts'
import { toStackError } from './to-stack-error.ts'

export class EventsStream implements ByteStream {
  readonly #iterator: AsyncIterator<unknown>
  #sink: ByteSink | undefined
  #paused = false
  #pulling = false

  constructor(events: AsyncIterable<unknown>) {
    this.#iterator = events[Symbol.asyncIterator]()
  }

  pipe(sink: ByteSink): void {
    this.#sink = sink
    this.#pull()
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#pull()
  }

  cancel(): void {
    this.#sink = undefined
    // Whatever the source says about being closed, nobody is left to hear it.
    this.#iterator.return?.().catch(() => undefined)
  }

  #pull(): void {
    if (this.#pulling || this.#paused || this.#sink === undefined) return
    this.#pulling = true
    this.#iterator
      .next()
      .then((step) => this.#take(step))
      .catch((error: unknown) => this.#finish((sink) => sink.fail(toStackError(error))))
  }

  #take(step: IteratorResult<unknown>): void {
    this.#pulling = false
    if (step.done === true) {
      this.#finish((sink) => {
        sink.data(Buffer.from(sseDone))
        sink.end()
      })
      return
    }
    this.#sink?.data(Buffer.from(sseData(JSON.stringify(step.value))))
    this.#pull()
  }

  #finish(tell: (sink: ByteSink) => void): void {
    const sink = this.#sink
    this.#sink = undefined
    if (sink !== undefined) tell(sink)
  }
}
