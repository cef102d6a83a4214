/** From pushed bytes to events that are asked for one by one: for replies that have to be translated. */
import type { ByteStream } from '@llama-stack/api'

/** Cuts bytes into events and hands over each; what it throws ends the stream. */
export interface EventParser {
  push(chunk: Uint8Array): void
  /** The bytes have ended well. */
  end(): void
}

/** Events that wait for a slow reader before the source is paused. */
const MAX_WAITING = 64

/**
 * An iterator over the events of one stream, whose `return` closes the source even if nothing was asked for yet, which no
 * generator function could promise.
 */
export class EventPull<Event> implements AsyncIterableIterator<Event> {
  readonly #stream: ByteStream
  #waiting: Event[] = []
  #next = 0
  #outcome: 'open' | 'ended' | { readonly error: unknown } = 'open'
  #paused = false
  #wake: (() => void) | undefined

  /** Starts the flow at once. */
  constructor(stream: ByteStream, toParser: (emit: (event: Event) => void) => EventParser) {
    this.#stream = stream
    const parser = toParser((event) => this.#waiting.push(event))
    stream.pipe({
      data: (chunk) => this.#guard(() => parser.push(chunk)),
      end: () => {
        this.#guard(() => parser.end())
        this.#settle('ended')
      },
      fail: (error) => this.#settle({ error }),
    })
  }

  /** Waits for the first event, or throws what went wrong before it. */
  async ready(): Promise<void> {
    while (this.#next >= this.#waiting.length && this.#outcome === 'open') await this.#change()
    if (this.#next < this.#waiting.length) return
    if (typeof this.#outcome === 'object') throw this.#outcome.error
  }

  async next(): Promise<IteratorResult<Event, undefined>> {
    await this.ready()
    if (this.#next >= this.#waiting.length) return { done: true, value: undefined }
    // Checked by the line above; the array may hold undefined as an event.
    const value = this.#waiting[this.#next++] as Event
    if (this.#next === this.#waiting.length) this.#refill()
    return { done: false, value }
  }

  return(): Promise<IteratorResult<Event, undefined>> {
    if (this.#outcome === 'open') {
      this.#settle('ended')
      this.#stream.cancel()
    }
    this.#waiting = []
    this.#next = 0
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #refill(): void {
    this.#waiting = []
    this.#next = 0
    if (!this.#paused) return
    this.#paused = false
    this.#stream.resume()
  }

  #guard(parse: () => void): void {
    if (this.#outcome !== 'open') return
    try {
      parse()
    } catch (error) {
      this.#stream.cancel()
      this.#settle({ error })
      return
    }
    if (this.#waiting.length > MAX_WAITING && !this.#paused) {
      this.#paused = true
      this.#stream.pause()
    }
    this.#wake?.()
  }

  #settle(outcome: 'ended' | { readonly error: unknown }): void {
    if (this.#outcome !== 'open') return
    this.#outcome = outcome
    this.#wake?.()
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}
