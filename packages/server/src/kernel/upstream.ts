/**
 * The transport of every outbound call: our own HTTP/1.1 connections, with timeouts and the address guard. HTTP statuses
 * are not judged here; {@link toProviderError} does that for the providers.
 */
import { StackError } from '@llama-stack/api'
import type { NetworkOptions, Upstream, UpstreamRequest, UpstreamResponse } from '@llama-stack/api'
import { checkCallerUrl, guardedLookup } from './address-guard.ts'
import type { Connection } from './http1/connection.ts'
import { ConnectionPool } from './http1/connection-pool.ts'
import type { PoolSurroundings } from './http1/connection-pool.ts'
import type { Exchange } from './http1/exchange.ts'
import { Heartbeat } from './http1/heartbeat.ts'
import { toSocketOpener } from './http1/open-socket.ts'
import type { SocketOpener } from './http1/open-socket.ts'
import { RequestWriter } from './http1/write-request.ts'
import { Outbox } from './outbox.ts'
import { RequestHead } from './http1/request-head.ts'
import { createProxyTransport } from './proxy-transport.ts'
import type { ProxyTransport } from './proxy-transport.ts'
import { toRequestUrl } from './request-url.ts'
import { ResponseStream } from './response-stream.ts'
import { readTlsSettings } from './tls-settings.ts'

export interface UpstreamOptions {
  /** Lets caller-chosen URLs reach private addresses. Default: false. */
  readonly allowPrivateUrls?: boolean
}

/** As the OpenAI SDK has it. */
const DEFAULT_TIMEOUT_MS = 600_000
const CONNECT_TIMEOUT_MS = 10_000
/** What libuv reads at most at a time. */
const READ_BUFFER_BYTES = 65_536
/** Operators have a few URLs; only one with an id in it could make them many. */
const MAX_ROUTES = 512
const REDIRECTS = new Set([301, 302, 303, 307, 308])

/** Creates the transport. Nothing is loaded and no socket is opened before the first call. */
export function createUpstream(options: UpstreamOptions = {}): Upstream & AsyncDisposable {
  const heartbeat = new Heartbeat<Connection>()
  const shared: Shared = {
    allowPrivateUrls: options.allowPrivateUrls === true,
    heartbeat,
    outbox: new Outbox(),
    readBuffer: Buffer.allocUnsafeSlow(READ_BUFFER_BYTES),
    writer: new RequestWriter(),
    proxies: new Set(),
    disposed: false,
  }
  return {
    ...upstreamWith({}, shared),
    async [Symbol.asyncDispose]() {
      shared.disposed = true
      const cause = new StackError('server_shutting_down', {})
      await Promise.all([
        ...[...heartbeat.members].map((connection) => connection.close(cause)),
        ...[...shared.proxies].map((proxy) => proxy.close()),
      ])
    },
  }
}

interface Shared extends PoolSurroundings {
  readonly allowPrivateUrls: boolean
  readonly proxies: Set<ProxyTransport>
  disposed: boolean
}

/** Where the calls to one URL go. */
interface Route {
  readonly origin: string
  readonly path: string
  readonly head: RequestHead
  readonly pool: ConnectionPool
}

function upstreamWith(network: NetworkOptions, shared: Shared): Upstream {
  const routeOf = createRoutes(network, shared)
  const { readMs } = timeouts(network)
  let proxy: Promise<ProxyTransport> | undefined

  const dispatch = (request: UpstreamRequest, through?: ProxyTransport): Promise<UpstreamResponse> =>
    new Promise((resolve, reject) => {
      if (shared.disposed) throw new StackError('server_shutting_down', {})
      const { origin, path, head, pool } = routeOf(request)
      const { method } = request
      const text = head.toText(method, request.headers)
      const receiver = new ResponseStream(request, resolve, reject)
      if (!receiver.open) return
      const exchange: Exchange = {
        head: text,
        body: request.body ?? (method === 'POST' ? '' : undefined),
        headersTimeoutMs: request.headersTimeoutMs ?? readMs,
        idleTimeoutMs: request.idleTimeoutMs ?? readMs,
        once: request.once === true,
        receiver,
      }
      const headers = through === undefined ? request.headers : { ...network.headers, ...request.headers }
      if (through?.send({ origin, path, method, headers, exchange }) !== true) pool.send(exchange)
    })

  const openProxy = async (): Promise<ProxyTransport> => {
    const opened = await createProxyTransport(network)
    shared.proxies.add(opened)
    return opened
  }

  const dispatchProxied = async (request: UpstreamRequest): Promise<UpstreamResponse> => {
    proxy ??= openProxy()
    return dispatch(request, await proxy)
  }

  const once = network.proxy === undefined ? dispatch : dispatchProxied

  const follow = async (request: UpstreamRequest, maxRedirects: number): Promise<UpstreamResponse> => {
    let current = request
    for (let left = maxRedirects; ; left -= 1) {
      const response = await once(current)
      const location = response.headers['location']
      if (left <= 0 || location === undefined || !REDIRECTS.has(response.status)) return response
      response.body.cancel()
      current = redirected(current, location)
    }
  }

  return {
    send(request) {
      const { maxRedirects = 0 } = request
      return maxRedirects === 0 ? once(request) : follow(request, maxRedirects)
    },
    with: (more) => upstreamWith({ ...network, ...more }, shared),
  }
}

/** Finds the route of a call. The routes to an operator's URLs are kept; a caller's are as many as the caller likes. */
function createRoutes(network: NetworkOptions, shared: Shared): (request: UpstreamRequest) => Route {
  const pools = new Map<string, ConnectionPool>()
  const routes = new Map<string, Route>()

  const poolFor = ({ origin, provider }: { origin: string; provider: string }, guarded: boolean): ConnectionPool => {
    const key = guarded ? `guarded ${origin}` : origin
    const known = pools.get(key)
    if (known !== undefined) return known
    const pool = new ConnectionPool({
      opener: openerFor(origin, { network, guarded, provider }),
      connectTimeoutMs: timeouts(network).connectMs,
      surroundings: shared,
      ...(guarded ? { onEmpty: () => pools.delete(key) } : {}),
    })
    pools.set(key, pool)
    return pool
  }

  return (request) => {
    const known = routes.get(request.url)
    const fromCaller = request.chosenBy === 'caller'
    if (known !== undefined && !fromCaller) return known
    const guarded = fromCaller && !shared.allowPrivateUrls
    if (guarded) checkCallerUrl(request.url)
    const { origin, path, host } = toRequestUrl(request.url, request.provider)
    const headers = network.headers
    const head = new RequestHead(headers === undefined ? { host, path } : { host, path, headers })
    const route = { origin, path, head, pool: poolFor({ origin, provider: request.provider }, guarded) }
    if (fromCaller) return route
    if (routes.size >= MAX_ROUTES) routes.clear()
    routes.set(request.url, route)
    return route
  }
}

interface OpenerSettings {
  readonly network: NetworkOptions
  readonly guarded: boolean
  readonly provider: string
}

function openerFor(origin: string, { network, guarded, provider }: OpenerSettings): SocketOpener {
  try {
    const tls = readTlsSettings(network)
    return toSocketOpener(guarded ? { origin, tls, lookup: guardedLookup } : { origin, tls })
  } catch (cause) {
    // A missing file or a cipher that OpenSSL does not know: the operator's mistake. The path stays out of the reply.
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
    const reason = `its network.tls settings cannot be used (${code})`
    throw new StackError('provider_unreachable', { provider, reason }, { cause })
  }
}

/** A redirect is followed as a GET; credentials do not travel to another origin. */
function redirected(request: UpstreamRequest, location: string): UpstreamRequest {
  const url = new URL(location, request.url)
  const { body: _body, ...rest } = request
  if (url.origin === new URL(request.url).origin) return { ...rest, method: 'GET', url: url.href }
  const headers = Object.fromEntries(
    Object.entries(request.headers).filter(
      ([name]) => !['authorization', 'api-key', 'cookie'].includes(name.toLowerCase()),
    ),
  )
  return { ...rest, method: 'GET', url: url.href, headers }
}

function timeouts(network: NetworkOptions): { connectMs: number; readMs: number } {
  const { timeout } = network
  if (timeout === undefined) return { connectMs: CONNECT_TIMEOUT_MS, readMs: DEFAULT_TIMEOUT_MS }
  if (typeof timeout === 'number') return { connectMs: timeout * 1000, readMs: timeout * 1000 }
  return {
    connectMs: timeout.connect === undefined ? CONNECT_TIMEOUT_MS : timeout.connect * 1000,
    readMs: timeout.read === undefined ? DEFAULT_TIMEOUT_MS : timeout.read * 1000,
  }
}
