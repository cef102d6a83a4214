/** The reply to one message of a WebSocket: what would be an HTTP reply goes back as messages. */
import { EventEmitter } from 'node:events'
import { asRecord } from '../../kernel/json-record.ts'
import { createSseParser } from '../../kernel/sse.ts'
import type { SseParser } from '../../kernel/sse.ts'
import { EVENT_STREAM } from '../event-stream.ts'
import type { ReplyMessage } from '../http-message.ts'

/** Where a reply's messages go. */
export interface MessageSink {
  send(json: string): void
  /** What was sent waits for its reader. */
  readonly isFull: boolean
  /** Breaks the connection off. */
  destroy(): void
}

/** What clients act on; the other headers describe an HTTP body. */
const KEPT_HEADERS: readonly string[] = Object.freeze(['x-request-id', 'retry-after', 'x-should-retry'])

/** The status of a failure in the midst of a stream, which has been answered with 200 already. */
const LATE_STATUS = 500

/**
 * Each event of a stream becomes a message, comments become none. A failure becomes a message of the type `error` with the
 * status that it would have had, and the WebSocket stays open.
 */
export class FrameReply extends EventEmitter implements ReplyMessage {
  statusCode = 200
  headersSent = false
  writableEnded = false
  readonly #sink: MessageSink
  readonly #streamId: string | undefined
  #events: SseParser | undefined
  #headers: Readonly<Record<string, string>> = {}
  /** A body that is no event stream. */
  #body: Uint8Array[] = []
  #isGone = false

  constructor(sink: MessageSink, streamId: string | undefined) {
    super()
    this.#sink = sink
    this.#streamId = streamId
  }

  get writableNeedDrain(): boolean {
    return this.#sink.isFull
  }

  writeHead(status: number, headers: Record<string, string>): this {
    this.statusCode = status
    this.headersSent = true
    this.#headers = headers
    if (headers['content-type']?.startsWith(EVENT_STREAM) === true) {
      this.#events = createSseParser(({ event, data }) => this.#send(event === 'error' ? toLateError(data) : data))
    }
    return this
  }

  flushHeaders(): void {}

  write(chunk: Uint8Array | string): boolean {
    return this.#push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk)
  }

  /** Writes bytes that are the characters of a text (Latin-1). */
  writeText(text: string): boolean {
    return this.#push(Buffer.from(text, 'latin1'))
  }

  end(chunk: Uint8Array | string = ''): this {
    if (this.writableEnded || this.#isGone) return this
    if (chunk.length > 0) this.write(chunk)
    if (this.#events !== undefined) this.#events.end()
    else {
      const json = Buffer.concat(this.#body).toString('utf8')
      this.#send(this.statusCode >= 400 ? this.#toError(json) : json)
    }
    this.writableEnded = true
    this.emit('close')
    return this
  }

  destroy(): this {
    this.#sink.destroy()
    return this
  }

  /** The connection is gone. */
  leave(): void {
    if (this.writableEnded || this.#isGone) return
    this.#isGone = true
    this.emit('close')
  }

  #push(chunk: Uint8Array): boolean {
    if (this.writableEnded || this.#isGone) return true
    if (this.#events !== undefined) this.#events.push(chunk)
    else this.#body.push(chunk)
    return !this.#sink.isFull
  }

  /** What is no object is no event: the `[DONE]` of other streams, or an empty body. */
  #send(json: string): void {
    if (!json.endsWith('}')) return
    const id = this.#streamId
    this.#sink.send(id === undefined ? json : `${json.slice(0, -1)},"stream_id":${JSON.stringify(id)}}`)
  }

  #toError(json: string): string {
    const headers = Object.fromEntries(Object.entries(this.#headers).filter(([name]) => KEPT_HEADERS.includes(name)))
    return JSON.stringify({ type: 'error', status: this.statusCode, headers, ...asRecord(JSON.parse(json)) })
  }
}

/** An error of a stream, with what clients of WebSockets look for beside: some hear of errors in this form only. */
function toLateError(data: string): string {
  const event = asRecord(JSON.parse(data))
  const { code = null, message = '', param = null } = event
  const type = 'api_error'
  return JSON.stringify({ ...event, status: LATE_STATUS, error: { type, code, message, param } })
}
