/** The HTTP application: one pipeline, reached through a socket (`listen`) or without one (`fetch`). */
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { bug, StackError } from '@llama-stack/api'
import type { Clock, Log } from '@llama-stack/api'
import type { Ids } from '../kernel/ids.ts'
import type { BoundRoute } from './bound-route.ts'
import { toBuiltInRoutes } from './built-in-routes.ts'
import { createEdge } from './edge.ts'
import { createDispatcher } from './dispatcher.ts'
import type { NodeArrival } from './dispatcher.ts'
import type { Edge } from './edge.ts'
import { pathOf } from './exchange.ts'
import type { FinishedRequest } from './exchange.ts'
import type { HttpServerSettings } from './http-settings.ts'
import { isLoopback, openListener } from './listener.ts'
import type { Listener, ListenOptions } from './listener.ts'
import type { OpenApiInfo } from './openapi.ts'
import type { RawQuery } from './query-values.ts'
import { allowedMethods, toRouteEntries, toRouteError } from './route-table.ts'
import type { RouteEntry } from './route-table.ts'
import { createStackFetch } from './stack-fetch.ts'
import type { StackFetch } from './stack-fetch.ts'
import { createWebSocketDoor } from './web-socket/web-socket-door.ts'

/** What the application is made of. */
export interface HttpAppOptions {
  readonly routes: readonly BoundRoute[]
  readonly server: HttpServerSettings
  readonly log: Log
  readonly clock: Clock
  readonly ids: Ids
  /** Title and version of the OpenAPI document. */
  readonly openApi: OpenApiInfo
  /** Whether the services behind the routes can serve; asked by `/readyz`. Default: always. */
  readonly ready?: () => boolean
  /** Called once per request, when its reply is complete or its client gone. */
  readonly onFinished?: (finished: FinishedRequest) => void
}

/** How long open requests may still take when the server stops. */
interface CloseOptions {
  readonly drainTimeoutMs: number
  /** Waits for nothing. Default: false. */
  readonly force?: boolean
}

/** The application, not yet listening. */
export interface HttpApp {
  /** The second door: the same pipeline as a web-standard function. */
  readonly fetch: StackFetch
  /** The declared routes, without the built-in ones (`/livez`, `/readyz`, `/openapi.json`, `/docs`). */
  readonly routes: readonly BoundRoute[]
  /** Whether new requests are answered: false from the moment at which it is to stop. */
  readonly accepting: boolean
  /** Requests whose reply is not complete yet, streams included. */
  readonly openRequests: number
  /** Opens a port. Throws `port_in_use` and `unsafe_bind`. */
  listen(options: ListenOptions): Promise<{ readonly url: string; readonly port: number }>
  /**
   * Stops: new requests get 503, open ones may finish until the timeout and are cut then. A second call cuts at once.
   */
  close(options: CloseOptions): Promise<void>
}

/** Builds the application. Fastify is loaded by the first `listen` or `fetch`. */
export function createHttpApp(options: HttpAppOptions): HttpApp {
  const edge = createEdge(options)
  const builtIn = toBuiltInRoutes({ ...options, isReady: () => !edge.draining && (options.ready?.() ?? true) })
  const entries = toRouteEntries([...options.routes, ...builtIn])
  let router: Promise<FastifyInstance> | undefined
  const getRouter = (): Promise<FastifyInstance> =>
    (router ??= createRouter(entries, edge, (arrival) => door.attach(arrival)))
  const door = createStackFetch(getRouter)
  const dispatcher = createDispatcher(entries, edge, getRouter)
  const webSockets = createWebSocketDoor(entries, edge, options.server)
  const listeners: Listener[] = []
  let closed: Promise<void> | undefined
  let cutNow: (() => void) | undefined

  const drain = async (drainTimeoutMs: number): Promise<void> => {
    edge.draining = true
    webSockets?.drain()
    const waiting = Promise.withResolvers<void>()
    edge.onOver = () => {
      if (edge.open.size === 0) waiting.resolve()
    }
    const timer = setTimeout(waiting.resolve, drainTimeoutMs)
    cutNow = waiting.resolve
    edge.onOver()
    await waiting.promise
    clearTimeout(timer)
    await cutAll(edge)
    await Promise.all(listeners.map((listener) => listener.close()))
    const app = await router
    await app?.close()
  }

  return {
    fetch: door.fetch,
    routes: options.routes,
    get accepting() {
      return !edge.draining
    },
    get openRequests() {
      return edge.open.size
    },
    async listen(where) {
      if (edge.draining) throw new StackError('server_shutting_down', {})
      const { apiKeys = [], tls } = options.server
      const listener = await openListener(dispatcher, where, {
        clock: options.clock,
        keyRequired: apiKeys.length > 0,
        webSockets,
        ...(tls !== undefined && { tls }),
      })
      listeners.push(listener)
      // One socket that the network can reach is enough for foreign Host headers to be right.
      edge.checkHost = isLoopback(where.host ?? '127.0.0.1') && (listeners.length === 1 || edge.checkHost)
      return { url: listener.url, port: listener.port }
    },
    close({ drainTimeoutMs, force = false }) {
      cutNow?.()
      return (closed ??= drain(force ? 0 : drainTimeoutMs))
    },
  }
}

/** What a cut reply may still take to reach its client. */
const FLUSH_MS = 100

async function cutAll(edge: Edge): Promise<void> {
  if (edge.open.size === 0) return
  const flushed = Promise.withResolvers<void>()
  edge.onOver = () => {
    if (edge.open.size === 0) flushed.resolve()
  }
  const timer = setTimeout(flushed.resolve, FLUSH_MS)
  for (const exchange of edge.open) edge.cut(exchange)
  await flushed.promise
  clearTimeout(timer)
}

/** Schemas are zod's business; with these in place Fastify never loads its validator and its serialiser. */
const noCompilers = {
  buildValidator: () => bug('no route declares a schema to Fastify'),
  buildSerializer: () => bug('no route declares a schema to Fastify'),
}

/** Longest parameter: model ids of some registries are whole URLs. */
const MAX_PARAM_LENGTH = 2048

async function createRouter(
  entries: readonly RouteEntry[],
  edge: Edge,
  onArrival: (arrival: NodeArrival) => void,
): Promise<FastifyInstance> {
  const { fastify } = await import('fastify')
  const arrive = (request: FastifyRequest, reply: FastifyReply): NodeArrival => {
    reply.hijack()
    const arrival = { request: request.raw, response: reply.raw }
    onArrival(arrival)
    return arrival
  }
  const app = fastify({
    logger: false,
    exposeHeadRoutes: false,
    schemaController: { compilersFactory: noCompilers },
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: MAX_PARAM_LENGTH },
    genReqId: () => '',
    frameworkErrors: (error, request, reply) =>
      edge.refuse(arrive(request, reply), toFrameworkError(error, request.raw)),
  })
  app.removeAllContentTypeParsers()
  // Bodies are read by the edge, after the caller is known.
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  app.setErrorHandler((error, request, reply) =>
    edge.refuse(arrive(request, reply), toFrameworkError(error, request.raw)),
  )
  app.setNotFoundHandler((request, reply) => {
    const { method } = request
    edge.refuse(arrive(request, reply), toRouteError(entries, method, pathOf(request.raw)))
  })
  app.options('*', (request, reply) => {
    edge.preflight(arrive(request, reply), allowedMethods(entries, pathOf(request.raw)))
  })
  for (const [first, ...others] of groupByRouterPath(entries)) {
    const { method } = first.bound.route
    app.route({
      method: method === 'GET' ? ['GET', 'HEAD'] : method,
      url: first.pattern.routerPath,
      handler(request, reply) {
        const arrival = arrive(request, reply)
        // The router's query parser yields nothing else.
        const query = request.query as RawQuery
        if (!first.pattern.wildcard) {
          // As above, for the router's parameters.
          edge.serve(arrival, { bound: first.bound, params: request.params as Record<string, string>, query })
          return
        }
        const path = pathOf(request.raw)
        for (const { bound, pattern } of [first, ...others]) {
          const params = pattern.match(path)
          if (params !== undefined) return edge.serve(arrival, { bound, params, query })
        }
        edge.refuse(arrival, toRouteError(entries, request.method, path))
      },
    })
  }
  await app.ready()
  return app
}

/** Templates that only differ behind a wildcard share one route of the router. */
function groupByRouterPath(entries: readonly RouteEntry[]): Iterable<readonly [RouteEntry, ...RouteEntry[]]> {
  const groups = new Map<string, [RouteEntry, ...RouteEntry[]]>()
  for (const entry of entries) {
    const key = `${entry.bound.route.method} ${entry.pattern.routerPath}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [entry])
    else group.push(entry)
  }
  return groups.values()
}

/** What Fastify itself refuses: a path or a content type that cannot be read. Anything else is a mistake of ours. */
function toFrameworkError(error: unknown, request: IncomingMessage): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    const contentType = (request.headers['content-type'] ?? '').slice(0, 80)
    return new StackError('unsupported_media_type', { contentType, expected: 'application/json' }, { cause: error })
  }
  if (code === 'FST_ERR_BAD_URL' || code === 'FST_ERR_MAX_PARAM_LENGTH') {
    const problem = code === 'FST_ERR_BAD_URL' ? 'not a valid URL path' : 'a segment is too long'
    const fix = 'Encode the path with percent signs as RFC 3986 says.'
    return new StackError(
      'invalid_value',
      { param: 'path', problem, fix, value: pathOf(request).slice(0, 80) },
      { cause: error },
    )
  }
  return error
}
