/** One request and its reply, from the first header to the close of the connection's turn. */
import type { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { isStackError } from '@llama-stack/api'
import type { Clock, Principal, RequestRecord } from '@llama-stack/api'
import type { Placed } from '../kernel/placed-list.ts'
import type { BoundRoute } from './bound-route.ts'
import type { PlainRequest } from './fast-lane/plain-request.ts'
import type { ReplyMessage, RequestHead } from './http-message.ts'
import type { MessageRequest } from './web-socket/message-request.ts'

/** What is known about a request when it is over: a row of the request log, a sample of the metrics. */
export interface FinishedRequest {
  readonly requestId: string
  /** `WS` for a message of a WebSocket. */
  readonly method: string
  /** The path as it came, without its query. */
  readonly path: string
  /** The route's template, where one answered. */
  readonly route: string | undefined
  readonly operation: string | undefined
  readonly tag: string | undefined
  /** Who called, once that is known. */
  readonly principal: Principal | undefined
  /** The user agent. */
  readonly client: string | undefined
  /** What whoever served the call noted. */
  readonly record: RequestRecord
  readonly status: number
  readonly errorCode: string | undefined
  /** The client left before the reply was complete. */
  readonly aborted: boolean
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  readonly durationMs: number
  /** Until the first byte of the reply. */
  readonly firstByteMs: number | undefined
}

/** A request on its way in: Node's own two objects, those of the fast lane, or those of a WebSocket's message. */
export interface Arrival {
  readonly request: IncomingMessage | PlainRequest | MessageRequest
  readonly response: ReplyMessage
}

/** What an exchange needs from the application. */
export interface ExchangeOptions {
  readonly clock: Clock
  readonly requestId: string
  readonly onOver: (exchange: Exchange, finished: FinishedRequest) => void
}

/** The state of one request, shared by the steps of the pipeline. A class, because one is made for each request. */
export class Exchange implements Placed {
  readonly request: Arrival['request']
  readonly response: ReplyMessage
  readonly requestId: string
  /** Sent with whatever reply: request id, CORS. In lower case. */
  readonly headers: Record<string, string>
  readonly record: RequestRecord = {}
  bound: BoundRoute | undefined = undefined
  /** Whether the Host header has to name the loopback. */
  checkHost = false
  principal: Principal | undefined = undefined
  error: unknown = undefined
  /** The response is complete or gone: nothing may be written any more. */
  over = false
  /** Where the list of open exchanges has it. */
  place: number | undefined = undefined
  /** Closes the source of a streamed reply. Called when the client leaves or the server stops waiting. */
  cancelSource: (() => void) | undefined = undefined
  /** Ends a streamed reply with an error; undefined while none is open. */
  failStream: ((error: unknown) => void) | undefined = undefined
  readonly #options: ExchangeOptions
  readonly #controller = new AbortController()
  readonly #startedAt: number
  readonly #start: number
  #firstByteMs: number | undefined = undefined

  /** Opens an exchange: from here on, the close of the response is noticed. */
  constructor({ request, response }: Arrival, options: ExchangeOptions) {
    this.request = request
    this.response = response
    this.requestId = options.requestId
    this.headers = { 'x-request-id': options.requestId }
    this.#options = options
    this.#startedAt = options.clock.now()
    this.#start = options.clock.monotonic()
    response.on('close', () => this.#close())
  }

  /** Came through `stack.fetch`, without a socket. */
  get inProcess(): boolean {
    return 'socket' in this.request && !(this.request.socket instanceof Socket)
  }

  /** Aborted when the client leaves, or when the server stops waiting. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Notes the time of the first byte. */
  markFirstByte(): void {
    this.#firstByteMs ??= this.#options.clock.monotonic() - this.#start
  }

  /** Stops the work behind the exchange; the connection stays open. */
  abort(reason: unknown): void {
    if (this.#controller.signal.aborted) return
    this.#controller.abort(reason)
    this.cancelSource?.()
  }

  #close(): void {
    const { request, response, bound, principal, error, record, requestId } = this
    const aborted = !response.writableEnded
    this.over = true
    if (aborted) this.abort(new DOMException('The client left.', 'AbortError'))
    this.#options.onOver(this, {
      requestId,
      method: request.method ?? '',
      path: pathOf(request),
      route: bound?.route.path,
      operation: bound?.name,
      tag: bound?.tag,
      principal,
      client: request.headers['user-agent'],
      record,
      status: response.statusCode,
      errorCode: error === undefined ? undefined : isStackError(error) ? error.code : 'internal_error',
      aborted,
      startedAt: this.#startedAt,
      durationMs: this.#options.clock.monotonic() - this.#start,
      firstByteMs: this.#firstByteMs,
    })
  }
}

/** The path of a request without its query. */
export function pathOf(request: RequestHead): string {
  const url = request.url ?? '/'
  const query = url.indexOf('?')
  return query === -1 ? url : url.slice(0, query)
}
