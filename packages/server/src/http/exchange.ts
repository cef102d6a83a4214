/** One request and its reply, from the first header to the close of the connection's turn. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { isStackError } from '@llama-stack/api'
import type { Clock, Principal, RequestRecord } from '@llama-stack/api'
import type { BoundRoute } from './bound-route.ts'

/** What is known about a request when it is over: a row of the request log, a sample of the metrics. */
export interface FinishedRequest {
  readonly requestId: string
  readonly method: string
  /** The path as it came, without its query. */
  readonly path: string
  /** The route's template, where one answered. */
  readonly route?: string
  readonly operation?: string
  readonly tag?: string
  /** Who called, once that is known. */
  readonly principal?: Principal
  /** The user agent. */
  readonly client?: string
  /** What whoever served the call noted. */
  readonly record: RequestRecord
  readonly status: number
  readonly errorCode?: string
  /** The client left before the reply was complete. */
  readonly aborted: boolean
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  readonly durationMs: number
  /** Until the first byte of the reply. */
  readonly firstByteMs?: number
}

/** The state of one request, shared by the steps of the pipeline. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly requestId: string
  /** Came through `stack.fetch`, without a socket. */
  readonly inProcess: boolean
  /** Aborted when the client leaves, or when the server stops waiting. */
  readonly signal: AbortSignal
  /** Sent with whatever reply: request id, CORS. In lower case. */
  readonly headers: Record<string, string>
  bound?: BoundRoute
  /** Whether the Host header has to name the loopback. */
  checkHost: boolean
  principal?: Principal
  readonly record: RequestRecord
  error?: unknown
  /** The response is complete or gone: nothing may be written any more. */
  over: boolean
  /** Notes the time of the first byte. */
  markFirstByte(): void
  /** Closes the source of a streamed reply. Called when the client leaves or the server stops waiting. */
  cancelSource: (() => void) | undefined
  /** Ends a streamed reply with an error; undefined while none is open. */
  failStream: ((error: unknown) => void) | undefined
  /** Stops the work behind the exchange; the connection stays open. */
  abort(reason: unknown): void
}

/** What an exchange needs from the application. */
export interface ExchangeOptions {
  readonly clock: Clock
  readonly requestId: string
  readonly onOver: (exchange: Exchange, finished: FinishedRequest) => void
}

/** Opens an exchange: from here on, the close of the response is noticed. */
export function openExchange(request: IncomingMessage, response: ServerResponse, options: ExchangeOptions): Exchange {
  const { clock, requestId, onOver } = options
  const controller = new AbortController()
  const startedAt = clock.now()
  const start = clock.monotonic()
  let firstByteMs: number | undefined
  const exchange: Exchange = {
    request,
    response,
    requestId,
    inProcess: !(request.socket instanceof Socket),
    signal: controller.signal,
    headers: { 'x-request-id': requestId },
    record: {},
    checkHost: false,
    over: false,
    markFirstByte() {
      firstByteMs ??= clock.monotonic() - start
    },
    cancelSource: undefined,
    failStream: undefined,
    abort(reason) {
      if (controller.signal.aborted) return
      controller.abort(reason)
      exchange.cancelSource?.()
    },
  }
  response.once('close', () => {
    const aborted = !response.writableEnded
    exchange.over = true
    if (aborted) exchange.abort(new DOMException('The client left.', 'AbortError'))
    const { bound, principal, error } = exchange
    onOver(exchange, {
      requestId,
      method: request.method ?? '',
      path: pathOf(request),
      record: exchange.record,
      ...(bound !== undefined && { route: bound.route.path, operation: bound.name, tag: bound.tag }),
      ...(principal !== undefined && { principal }),
      ...(request.headers['user-agent'] !== undefined && { client: request.headers['user-agent'] }),
      status: response.statusCode,
      ...(error !== undefined && { errorCode: isStackError(error) ? error.code : 'internal_error' }),
      aborted,
      startedAt,
      durationMs: clock.monotonic() - start,
      ...(firstByteMs !== undefined && { firstByteMs }),
    })
  })
  return exchange
}

/** The path of a request without its query. */
export function pathOf(request: IncomingMessage): string {
  const url = request.url ?? '/'
  const query = url.indexOf('?')
  return query === -1 ? url : url.slice(0, query)
}
