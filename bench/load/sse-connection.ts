import { connect, type Socket } from 'node:net'
import { createResponseFraming } from './response-framing.ts'
import { createSseCounter, type SseCounter } from './sse-counter.ts'

/** What to send, to whom: the endpoint of a target with one prepared request. */
export type StreamCall = {
  readonly port: number
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Every event of a whole stream, usage and `[DONE]` included. */
  readonly expectedEvents: number
  /** With what the data of the last event begins. Default: `[DONE]`. */
  readonly lastEvent?: string
}

/** How one stream went. */
export type StreamOutcome = {
  readonly events: number
  /** From the write of the request to the first `data:`; NaN when none came. */
  readonly firstEventMs: number
  /** Time of each read that held events, with how many; empty unless asked for. */
  readonly arrivals: readonly Arrival[]
  /** Why the stream does not count; undefined when it is whole. */
  readonly fault: string | undefined
}

/** A read in which events began. */
export type Arrival = { readonly atMs: number; readonly events: number }

/** A connection that is kept between requests. */
export type SseConnection = {
  /** Sends the request and follows the stream to its end. One at a time. */
  request(): Promise<StreamOutcome>
  /** Sends the request and stops reading with the first bytes of the reply, as a client that hangs does. */
  stall(): void
  /** Breaks the connection off, as a client that crashes does. */
  vanish(): void
  /** Closes the connection when nothing is asked any more. */
  close(): void
}

/** Creates a connection for the call; it is opened by the first request and again when the server closed it. */
export function createSseConnection(call: StreamCall, keepArrivals = false): SseConnection {
  return new Connection(call, keepArrivals)
}

/** The bytes of the call's request. */
function toRequestBytes(call: StreamCall): Buffer {
  const headers = Object.entries(call.headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const length = Buffer.byteLength(call.body)
  return Buffer.from(
    `POST ${call.path} HTTP/1.1\r\nhost: 127.0.0.1:${call.port}\r\ncontent-type: application/json\r\n` +
      `accept: text/event-stream\r\ncontent-length: ${length}\r\n${headers.join('')}\r\n${call.body}`,
  )
}

class Connection implements SseConnection {
  readonly #call: StreamCall
  readonly #bytes: Buffer
  readonly #keepArrivals: boolean
  readonly #framing = createResponseFraming((buffer, start, end) => this.#count(buffer, start, end))
  #socket: Socket | undefined
  #counter: SseCounter = createSseCounter()
  #settle: ((outcome: StreamOutcome) => void) | undefined
  #startedMs = 0
  #firstMs = NaN
  #readMs = 0
  #arrivals: Arrival[] = []

  constructor(call: StreamCall, keepArrivals: boolean) {
    this.#call = call
    this.#bytes = toRequestBytes(call)
    this.#keepArrivals = keepArrivals
  }

  request(): Promise<StreamOutcome> {
    this.#framing.reset()
    this.#counter = createSseCounter()
    this.#firstMs = NaN
    this.#arrivals = []
    return new Promise((resolve) => {
      this.#settle = resolve
      this.#socket ??= this.#open()
      this.#startedMs = performance.now()
      this.#socket.write(this.#bytes)
    })
  }

  stall(): void {
    void this.request()
    // Before more is read: a reader that drains for a while makes the kernel grow its buffers to megabytes.
    this.#socket?.once('data', () => this.#socket?.pause())
  }

  vanish(): void {
    this.#socket?.resetAndDestroy()
  }

  close(): void {
    this.#socket?.destroy()
  }

  #open(): Socket {
    const socket = connect({ port: this.#call.port, host: '127.0.0.1', noDelay: true })
    socket.on('data', (bytes) => {
      this.#readMs = performance.now()
      if (this.#framing.push(bytes)) this.#finish(undefined)
    })
    // 'close' follows, and an unfinished stream is settled there.
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#socket = undefined
      this.#finish(this.#framing.untilClose ? undefined : 'the connection closed before the end')
    })
    return socket
  }

  #count(buffer: Buffer, start: number, end: number): void {
    const events = this.#counter.push(buffer, start, end)
    if (events === 0) return
    if (Number.isNaN(this.#firstMs)) this.#firstMs = this.#readMs - this.#startedMs
    if (this.#keepArrivals) this.#arrivals.push({ atMs: this.#readMs, events })
  }

  #finish(fault: string | undefined): void {
    const settle = this.#settle
    this.#settle = undefined
    settle?.({
      events: this.#counter.events,
      firstEventMs: this.#firstMs,
      arrivals: this.#arrivals,
      fault: fault ?? this.#findFault(),
    })
  }

  #findFault(): string | undefined {
    const { status } = this.#framing
    if (status !== 200) return `status ${status}`
    const { events } = this.#counter
    const { expectedEvents, lastEvent = '[DONE]' } = this.#call
    if (events !== expectedEvents) return `${events < expectedEvents ? 'fewer' : 'more'} events than were sent`
    return this.#counter.endsWith(lastEvent) ? undefined : `no ${lastEvent} at the end`
  }
}

/** How often each fault happened. */
export function countFaults(outcomes: readonly StreamOutcome[]): Record<string, number> {
  const faults = outcomes.flatMap(({ fault }) => (fault === undefined ? [] : [fault]))
  return Object.fromEntries([...Map.groupBy(faults, (fault) => fault)].map(([fault, all]) => [fault, all.length]))
}
