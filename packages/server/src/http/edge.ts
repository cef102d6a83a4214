/** The pipeline that every request walks: guard, principal, limits, one parse, the operation, the reply. */
import { IncomingMessage } from 'node:http'
import { isStackError, StackError } from '@llama-stack/api'
import type { CallContext, Clock, Log, Route } from '@llama-stack/api'
import type { Ids } from '../kernel/ids.ts'
import { createAuthenticate } from './authenticate.ts'
import type { Authenticate } from './authenticate.ts'
import type { BoundRoute } from './bound-route.ts'
import { createBrowserGuard } from './browser-guard.ts'
import type { BrowserGuard } from './browser-guard.ts'
import { Exchange } from './exchange.ts'
import type { Arrival, FinishedRequest } from './exchange.ts'
import { DEFAULT_KEEP_ALIVE_MS, DEFAULT_MAX_BODY_BYTES } from '../kernel/server-defaults.ts'
import type { RequestHead } from './http-message.ts'
import { isRecord } from '../kernel/json-record.ts'
import { PlacedList } from '../kernel/placed-list.ts'
import { stackHeaders } from '../kernel/stack-headers.ts'
import type { HttpServerSettings } from './http-settings.ts'
import { createKeepAliveTicker } from './keep-alive-ticker.ts'
import type { KeepAliveTicker } from './keep-alive-ticker.ts'
import { createRequestParser } from './parse-request.ts'
import type { RequestParser } from './parse-request.ts'
import { parseProviderData } from './provider-data.ts'
import type { RawQuery } from './query-values.ts'
import { endAfterDiscard } from './read-body.ts'
import { readPayload } from './read-payload.ts'
import { renderError } from './render-error.ts'
import { toRequestId } from './request-id.ts'
import { MessageRequest } from './web-socket/message-request.ts'
import { writeReply } from './write-reply.ts'

/** What the edge needs. */
export interface EdgeOptions {
  readonly server: HttpServerSettings
  readonly log: Log
  readonly clock: Clock
  readonly ids: Ids
  /** Called once per request, when its reply is complete or its client gone. */
  readonly onFinished?: (finished: FinishedRequest) => void
}

/** The route that a request found, and what the path and the query hold. */
interface RouteMatch {
  readonly bound: BoundRoute
  readonly params: Readonly<Record<string, string>>
  readonly query: RawQuery
}

/** The steps between the router and the operations. */
export interface Edge {
  serve(arrival: Arrival, match: RouteMatch): void
  /** Checks who opens a connection for calls of a route, as if it were such a call. Throws what refuses it. */
  admit(opening: RequestHead, bound: BoundRoute): void
  /** Answers a request that found no route, or that the router could not read. */
  refuse(arrival: Arrival, error: unknown): void
  /** Answers OPTIONS: what the path allows, and whether a page may ask. */
  preflight(arrival: Arrival, allowed: readonly string[]): void
  /** The accepted requests whose replies are not complete. */
  readonly open: Pick<PlacedList<Exchange>, 'size' | typeof Symbol.iterator>
  /** Stops waiting for a request: its work is aborted and its client is told. */
  cut(exchange: Exchange): void
  /** Whether sockets are bound to loopback only, so that Host headers have to name the loopback. */
  checkHost: boolean
  /** From now on requests are refused, but for the public reads that watch over the server. */
  draining: boolean
  /** Called whenever a request is over. */
  onOver: (() => void) | undefined
}

/** The steps of the pipeline, built once. */
interface Steps {
  readonly maxBodyBytes: number
  readonly authenticate: Authenticate
  readonly guard: BrowserGuard
  readonly ticker: KeepAliveTicker
  readonly parserOf: (route: Route) => RequestParser
  readonly log: Log
}

/** Builds the pipeline. */
export function createEdge(options: EdgeOptions): Edge {
  const { server, log, clock, ids, onFinished } = options
  const steps: Steps = {
    maxBodyBytes: server.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES,
    authenticate: createAuthenticate(server.apiKeys ?? []),
    guard: createBrowserGuard(server),
    ticker: createKeepAliveTicker(server.keepAliveMs ?? DEFAULT_KEEP_ALIVE_MS),
    parserOf: createParsers(),
    log,
  }
  const open = new PlacedList<Exchange>()
  const enter = (arrival: Arrival): Exchange => {
    const { request } = arrival
    const exchange = new Exchange(arrival, {
      clock,
      requestId: toRequestId(request.headers, ids),
      onOver(over, finished) {
        open.delete(over)
        tell(onFinished, finished, log)
        edge.onOver?.()
      },
    })
    if (request.headers.origin !== undefined) Object.assign(exchange.headers, steps.guard.replyHeaders(request))
    // Closing idle connections ourselves would race with the next request on them; this way none is lost.
    if (edge.draining) exchange.headers['connection'] = 'close'
    return exchange
  }
  const edge: Edge = {
    serve(arrival, match) {
      const exchange = enter(arrival)
      exchange.bound = match.bound
      if (edge.draining && !isWatch(match.bound.route)) {
        fail(exchange, new StackError('server_shutting_down', {}), log)
        return
      }
      open.add(exchange)
      exchange.checkHost = edge.checkHost && !exchange.inProcess
      answer(exchange, match, steps).catch((error: unknown) => {
        // Whoever aborted the call has answered it, or there is nobody left to answer.
        if (!exchange.signal.aborted) fail(exchange, error, log)
      })
    },
    admit({ url, headers }, { route }) {
      if (edge.draining) throw new StackError('server_shutting_down', {})
      // Browsers open WebSockets to other origins without asking, and with GET, which would pass as a read.
      steps.guard.check({ method: route.method, url, headers }, edge.checkHost)
      steps.authenticate(headers, route.access)
    },
    refuse(arrival, error) {
      fail(enter(arrival), edge.draining ? new StackError('server_shutting_down', {}) : error, log)
    },
    preflight(arrival, allowed) {
      const { headers, response } = enter(arrival)
      const allow = [...allowed, 'OPTIONS'].join(', ')
      response.writeHead(204, { ...headers, allow, ...steps.guard.preflightHeaders(arrival.request) }).end()
    },
    open,
    cut(exchange) {
      const error = new StackError('server_shutting_down', {})
      exchange.abort(error)
      if (exchange.over) return
      if (exchange.failStream !== undefined) exchange.failStream(error)
      else if (exchange.response.headersSent) exchange.response.destroy()
      else fail(exchange, error, log)
    },
    checkHost: false,
    draining: false,
    onOver: undefined,
  }
  return edge
}

/** For building an object member by member: spreading optional members costs more on this path. */
type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

/** Where Llama Stack has the API of OpenAI; OGX has it at `/v1`. */
const LLAMA_STACK_PREFIX = '/v1/openai/v1/'

async function answer(exchange: Exchange, { bound, params, query }: RouteMatch, steps: Steps): Promise<void> {
  const { request } = exchange
  const { route } = bound
  steps.guard.check(request, exchange.checkHost)
  exchange.principal = steps.authenticate(request.headers, route.access)
  const { providerData, testId } = parseProviderData(request.headers, steps.log)
  const { body, rawBody } = await readPayload(request, route, steps.maxBodyBytes)
  const context: Mutable<CallContext> = {
    principal: exchange.principal,
    requestId: exchange.requestId,
    signal: exchange.signal,
    providerData,
    record: exchange.record,
  }
  if (request.url?.startsWith(LLAMA_STACK_PREFIX) === true) context.generation = 'llama-stack'
  if (testId !== undefined) context.testId = testId
  if (rawBody !== undefined) {
    context.rawBody = rawBody
    if (isRecord(body)) context.rawFields = body
  }
  const { [stackHeaders.cache]: cacheControl, [stackHeaders.strict]: strict } = request.headers
  if (typeof cacheControl === 'string') context.cacheControl = cacheControl
  if (request instanceof MessageRequest) context.connection = request.connection
  if (strict !== undefined) context.strict = parseSwitch(stackHeaders.strict, strict)
  // The parser has checked the request against the very schemas that the operation's type comes from.
  const reply = await bound.operation(steps.parserOf(route)({ params, query, body }) as never, context)
  await writeReply(exchange, reply, {
    ticker: steps.ticker,
    onEarlyFailure: (error) => fail(exchange, error, steps.log),
    onLateFailure: (error) => report(exchange, error, steps.log),
  })
}

function parseSwitch(header: string, given: string | readonly string[]): boolean {
  if (given === 'true') return true
  if (given === 'false') return false
  throw new StackError('invalid_value', {
    param: header,
    problem: 'this header says true or false',
    value: JSON.stringify(given).slice(0, 80),
    fix: 'Send one of the two, or leave the header out.',
  })
}

/** Parsers are built at a route's first request: a start should not pay for routes that nobody calls. */
function createParsers(): (route: Route) => RequestParser {
  const parsers = new Map<Route, RequestParser>()
  return (route) => {
    let parser = parsers.get(route)
    if (parser === undefined) parsers.set(route, (parser = createRequestParser(route)))
    return parser
  }
}

/** A listener's mistake must not end the process: it runs within an event of Node's. */
function tell(onFinished: EdgeOptions['onFinished'], finished: FinishedRequest, log: Log): void {
  try {
    onFinished?.(finished)
  } catch (error) {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
    log.error('A finished request could not be noted.', { requestId: finished.requestId, stack })
  }
}

function fail(exchange: Exchange, error: unknown, log: Log): void {
  exchange.error = error
  report(exchange, error, log)
  sendError(exchange, error)
}

/** Health and readiness are asked for while the server drains: that is what they are for. */
const isWatch = (route: Route): boolean => route.access === 'public' && route.method === 'GET'

/** Above this, an unread body is not worth keeping the connection for. */
const MAX_UNREAD_BYTES = 1024 * 1024

function sendError(exchange: Exchange, error: unknown): void {
  const { request, response } = exchange
  if (response.headersSent) {
    response.destroy()
    return
  }
  const rendered = renderError(error)
  const body = JSON.stringify(rendered.body)
  const unread = !exchange.inProcess && request instanceof IncomingMessage && !request.complete && isLongBody(request)
  response.writeHead(rendered.status, {
    ...exchange.headers,
    ...rendered.headers,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    ...((unread || isStackError(error, 'server_shutting_down')) && { connection: 'close' }),
  })
  exchange.markFirstByte()
  if (!unread || !(request instanceof IncomingMessage)) {
    response.end(body)
    return
  }
  response.write(body)
  endAfterDiscard(request, response)
}

function isLongBody({ headers }: RequestHead): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > MAX_UNREAD_BYTES
}

/** Our mistakes go to the log with everything; failures of others as a line; what clients did wrong only for debugging. */
function report({ requestId, bound }: Exchange, error: unknown, log: Log): void {
  const operation = bound?.name ?? 'none'
  if (!isStackError(error) || error.code === 'internal_error') {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
    log.error('A request failed because of a mistake in the server.', {
      requestId,
      operation,
      stack: withCauses(stack, error),
    })
  } else if (error.status >= 500) {
    log.warn('A request failed.', { requestId, operation, code: error.code, reason: error.message })
  } else {
    log.debug('A request was refused.', { requestId, operation, code: error.code, reason: error.message })
  }
}

function withCauses(stack: string, error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error ? `${stack}\ncaused by ${withCauses(cause.stack ?? cause.message, cause)}` : stack
}
