/**
 * The transport of every outbound call: undici's dispatcher over our own pools of connections, with timeouts and the
 * address guard. HTTP statuses are not judged here; {@link toProviderError} does that for the providers.
 */
import { readFileSync } from 'node:fs'
import type { LookupFunction } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import { StackError } from '@llama-stack/api'
import type { NetworkOptions, Upstream, UpstreamRequest, UpstreamResponse } from '@llama-stack/api'
import type { Client, Dispatcher, ProxyAgent } from 'undici'
import { checkCallerUrl, guardedLookup } from './address-guard.ts'
import { createConnectionPool } from './connection-pool.ts'
import type { ConnectionPool } from './connection-pool.ts'
import { ResponseStream } from './response-stream.ts'

export interface UpstreamOptions {
  /** Lets caller-chosen URLs reach private addresses. Default: false. */
  readonly allowPrivateUrls?: boolean
}

/** As the OpenAI SDK has it. */
const DEFAULT_TIMEOUT_MS = 600_000
const CONNECT_TIMEOUT_MS = 10_000
const MAX_REPLY_HEADER_BYTES = 65_536
const REDIRECTS = new Set([301, 302, 303, 307, 308])

interface Loaded {
  readonly Client: typeof Client
}

/** Creates the transport. Nothing is loaded and no socket is opened before the first call. */
export function createUpstream(options: UpstreamOptions = {}): Upstream & AsyncDisposable {
  const shared = { options, closers: new Set<() => Promise<void>>(), disposed: false }
  const root = upstreamWith({}, shared)
  return {
    ...root,
    async [Symbol.asyncDispose]() {
      shared.disposed = true
      await Promise.all([...shared.closers].map((close) => close()))
    },
  }
}

interface Shared {
  readonly options: UpstreamOptions
  readonly closers: Set<() => Promise<void>>
  disposed: boolean
}

function upstreamWith(network: NetworkOptions, shared: Shared): Upstream {
  const pools = new Map<string, ConnectionPool>()
  let loaded: Loaded | undefined
  let proxies: ProxyChooser | undefined
  const times = timeouts(network)

  const poolFor = (origin: string, guarded: boolean, { Client }: Loaded): ConnectionPool => {
    const key = guarded ? `guarded ${origin}` : origin
    const known = pools.get(key)
    if (known !== undefined) return known
    const connect = connectOptions(network, guarded)
    const pool = createConnectionPool(
      () => new Client(origin, { connect, pipelining: 1, allowH2: false, maxHeaderSize: MAX_REPLY_HEADER_BYTES }),
    )
    pools.set(key, pool)
    shared.closers.add(() => pool.close())
    return pool
  }

  const dispatch = (request: UpstreamRequest, modules: Loaded): Promise<UpstreamResponse> => {
    const guarded = request.chosenBy === 'caller' && shared.options.allowPrivateUrls !== true
    if (guarded) checkCallerUrl(request.url)
    const { origin, path } = splitUrl(request.url)
    return new Promise((resolve, reject) => {
      const proxy = proxies?.(origin)
      const pool = proxy === undefined ? poolFor(origin, guarded, modules) : undefined
      const client = pool?.take()
      const { signal } = request
      const stream: ResponseStream = new ResponseStream({
        request,
        resolve,
        reject,
        finished() {
          signal?.removeEventListener('abort', abort)
          if (client !== undefined) pool?.release(client)
        },
      })
      const abort = (): void => stream.abort()
      signal?.addEventListener('abort', abort)
      if (signal?.aborted === true) abort()
      const call: Dispatcher.DispatchOptions = {
        origin,
        path,
        method: request.method,
        headers: network.headers === undefined ? request.headers : { ...network.headers, ...request.headers },
        body: request.body ?? null,
        headersTimeout: request.headersTimeoutMs ?? times.readMs,
        bodyTimeout: request.idleTimeoutMs ?? times.readMs,
      }
      ;(proxy ?? client)?.dispatch(call, stream)
    })
  }

  const follow = async (request: UpstreamRequest, modules: Loaded): Promise<UpstreamResponse> => {
    let current = request
    for (let left = request.maxRedirects ?? 0; ; left -= 1) {
      const response = await dispatch(current, modules)
      const location = response.headers['location']
      if (left <= 0 || location === undefined || !REDIRECTS.has(response.status)) return response
      response.body.cancel()
      current = redirected(current, location)
    }
  }

  const load = async (): Promise<Loaded> => {
    const { default: Client } = await import('undici/lib/dispatcher/client.js')
    if (network.proxy !== undefined) {
      proxies = await createProxyChooser(network, shared)
    }
    loaded = { Client }
    return loaded
  }

  return {
    async send(request) {
      if (shared.disposed) throw new StackError('server_shutting_down', {})
      const modules = loaded ?? (await load())
      return request.maxRedirects === undefined ? dispatch(request, modules) : follow(request, modules)
    },
    with: (more) => upstreamWith({ ...network, ...more }, shared),
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

/** Cheaper than `new URL` for the URLs that we built ourselves; anything unusual goes through the parser. */
function splitUrl(url: string): { origin: string; path: string } {
  const slash = url.indexOf('/', 8)
  if (slash === -1) return { origin: url, path: '/' }
  if (url.includes('#') || url.includes('@')) {
    const parsed = new URL(url)
    return { origin: parsed.origin, path: parsed.pathname + parsed.search }
  }
  return { origin: url.slice(0, slash), path: url.slice(slash) }
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

type ConnectOptions = Pick<
  ConnectionOptions,
  'rejectUnauthorized' | 'ca' | 'minVersion' | 'ciphers' | 'cert' | 'key'
> & { lookup?: LookupFunction; timeout?: number; noDelay?: boolean }

function connectOptions(network: NetworkOptions, guarded: boolean): ConnectOptions {
  const options: ConnectOptions = { ...tlsOptions(network), timeout: timeouts(network).connectMs, noDelay: true }
  if (guarded) options.lookup = guardedLookup
  return options
}

function tlsOptions({ tls }: NetworkOptions): ConnectOptions {
  const options: ConnectOptions = {}
  if (tls === undefined) return options
  if (tls.verify === false) options.rejectUnauthorized = false
  if (typeof tls.verify === 'string') options.ca = readFileSync(tls.verify)
  if (tls.min_version !== undefined) options.minVersion = tls.min_version
  if (tls.ciphers !== undefined) options.ciphers = tls.ciphers.join(':')
  if (tls.client_cert !== undefined) options.cert = readFileSync(tls.client_cert)
  if (tls.client_key !== undefined) options.key = readFileSync(tls.client_key)
  return options
}

/** The proxy for an origin, or undefined where the call goes straight. */
type ProxyChooser = (origin: string) => ProxyAgent | undefined

async function createProxyChooser(network: NetworkOptions, shared: Shared): Promise<ProxyChooser> {
  const { default: Agent } = await import('undici/lib/dispatcher/proxy-agent.js')
  const agents = new Map<string, ProxyAgent>()
  const { url, http, https, cacert, no_proxy: exempt = [] } = network.proxy ?? {}
  return (origin) => {
    const { protocol, hostname } = new URL(origin)
    if (exempt.some((host) => hostname === host || hostname.endsWith(host.startsWith('.') ? host : `.${host}`)))
      return undefined
    const uri = url ?? (protocol === 'https:' ? https : http)
    if (uri === undefined) return undefined
    const known = agents.get(uri)
    if (known !== undefined) return known
    const agent = new Agent({
      uri,
      requestTls: tlsOptions(network),
      ...(cacert === undefined ? {} : { proxyTls: { ca: readFileSync(cacert) } }),
    })
    agents.set(uri, agent)
    shared.closers.add(() => agent.destroy())
    return agent
  }
}
