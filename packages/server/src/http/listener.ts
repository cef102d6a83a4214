/** The socket side: a Node server that is bound safely, and closed as a whole. */
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { Server, ServerOptions } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { isIPv4 } from 'node:net'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { bug, StackError } from '@llama-stack/api'
import type { Clock, ErrorDetails } from '@llama-stack/api'
import { openFastLane } from './fast-lane/fast-lane.ts'
import type { FastLaneOptions } from './fast-lane/fast-lane.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { TlsSettings } from './http-settings.ts'
import { renderError } from './render-error.ts'
import type { WebSocketDoor } from './web-socket/web-socket-door.ts'

/** Where to listen. */
export interface ListenOptions {
  /** 0 takes any free port. */
  readonly port: number
  /** Default: 127.0.0.1. */
  readonly host?: string
  /** Connections that may wait to be accepted. Default: 511, Node's own. */
  readonly backlog?: number
}

/** A server that listens. */
export interface Listener {
  readonly url: string
  readonly port: number
  /** Stops listening and breaks off every connection that is left. */
  close(): Promise<void>
}

/** What the listener has to know about the settings. */
export interface ListenerSettings {
  readonly tls?: TlsSettings
  /** Whether callers need a key; without one, only loopback addresses may be bound. */
  readonly keyRequired: boolean
  readonly clock: Clock
  /** Where requests for WebSockets go. Default: they are requests like any other. */
  readonly webSockets?: WebSocketDoor | undefined
}

/** As long as common load balancers keep theirs (60 s), and a little more: the client must be the one who closes. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000

/** Node's own default, from the first byte of a request to its last. */
const REQUEST_TIMEOUT_MS = 300_000

/** Room for a provider-data header with many keys; Node's 16 KiB are not enough for some. */
const MAX_HEADER_BYTES = 64 * 1024

const SERVER_OPTIONS: ServerOptions = Object.freeze({
  keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
  maxHeaderSize: MAX_HEADER_BYTES,
  noDelay: true,
})

/** Starts to listen. Throws `unsafe_bind`, `port_in_use`, and `config_invalid` for files of TLS that are no good. */
export async function openListener(
  dispatcher: Dispatcher,
  { port, host = '127.0.0.1', backlog }: ListenOptions,
  settings: ListenerSettings,
): Promise<Listener> {
  if (!settings.keyRequired && !isLoopback(host)) throw new StackError('unsafe_bind', { host })
  const { webSockets } = settings
  const server = await toServer(dispatcher, settings)
  server.on('clientError', refuseUnreadable)
  if (webSockets !== undefined) server.on('upgrade', (...opening) => webSockets.open(...opening))
  // Behind TLS the share of a request that the lane saves is small, and Node's server owns the sockets.
  const lane = settings.tls === undefined ? openFastLane(server, toLaneOptions(dispatcher, settings)) : undefined
  await bind(server, { port, host, ...(backlog !== undefined && { backlog }) })
  const bound = addressOf(server)
  const scheme = settings.tls === undefined ? 'http' : 'https'
  const shownHost = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address
  return {
    url: `${scheme}://${isLoopback(host) && host !== 'localhost' ? shownHost : toUrlHost(host)}:${bound.port}`,
    port: bound.port,
    close() {
      return new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
        lane?.closeAll()
        webSockets?.closeAll()
      })
    },
  }
}

/** Whether a bind address can be reached from this machine only. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

const toUrlHost = (host: string): string => (host.includes(':') ? `[${host}]` : host)

function toLaneOptions(dispatcher: Dispatcher, { clock }: ListenerSettings): FastLaneOptions {
  return {
    clock,
    keepAliveTimeoutMs: KEEP_ALIVE_TIMEOUT_MS,
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
    knows: (key) => dispatcher.knows(key),
    serve: (request, response) => dispatcher.servePlain(request, response),
    refuseLate: (socket) => refuseUnreadable({ code: 'ERR_HTTP_REQUEST_TIMEOUT' }, socket),
  }
}

async function toServer(dispatcher: Dispatcher, { tls, webSockets }: ListenerSettings): Promise<Server> {
  const handler = dispatcher.serve
  const options: ServerOptions = {
    ...SERVER_OPTIONS,
    // Some clients offer HTTP/2 with every request, which is a request all the same.
    ...(webSockets !== undefined && { shouldUpgradeCallback: (request) => webSockets.accepts(request) }),
  }
  if (tls === undefined) return createServer(options, handler)
  const [cert, key, ca] = await Promise.all([
    readPem('tls_certfile', tls.certFile),
    readPem('tls_keyfile', tls.keyFile),
    tls.caFile === undefined ? undefined : readPem('tls_cafile', tls.caFile),
  ])
  const clientAuthentication = ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: true }
  try {
    return createTlsServer({ ...options, cert, key, ...clientAuthentication }, handler)
  } catch (cause) {
    throw tlsInvalid(`The files of TLS, '${tls.certFile}' first, cannot be used: ${reasonOf(cause)}.`, {
      fix: 'Check that server.tls_certfile and server.tls_keyfile are PEM files that belong together.',
      cause,
    })
  }
}

async function readPem(setting: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (cause) {
    throw tlsInvalid(`server.${setting} cannot be read: ${reasonOf(cause)}.`, {
      fix: `Correct the path '${path}', or let this user read the file.`,
      cause,
    })
  }
}

function tlsInvalid(problem: string, { fix, cause }: { readonly fix: string; readonly cause: unknown }): StackError {
  return new StackError('config_invalid', { file: 'the configuration', problem, fix }, { cause })
}

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** Answers what never became a request, in the same words as everything else. */
function refuseUnreadable(error: { readonly code?: string }, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const [status, fault] = toFault(error.code)
  const { body } = renderError(new StackError('invalid_value', fault, { cause: error }))
  const json = JSON.stringify(body)
  const head = `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(json)}\r\n`
  socket.end(`${head}connection: close\r\n\r\n${json}`)
}

function toFault(code: string | undefined): readonly [status: string, fault: ErrorDetails<'invalid_value'>] {
  if (code === 'HPE_HEADER_OVERFLOW') {
    const problem = `they are larger than ${MAX_HEADER_BYTES} bytes`
    return ['431 Request Header Fields Too Large', { param: 'headers', problem, fix: 'Send fewer or shorter headers.' }]
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return ['408 Request Timeout', { param: 'request', problem: 'it took too long to arrive', fix: 'Send it again.' }]
  }
  return [
    '400 Bad Request',
    { param: 'request', problem: 'it is not valid HTTP', fix: 'Check the URL and the headers.' },
  ]
}

function bind(server: Server, options: { port: number; host: string; backlog?: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const { port, host } = options
      reject(error.code === 'EADDRINUSE' ? new StackError('port_in_use', { port, host }, { cause: error }) : error)
    })
    server.once('listening', resolve)
    startListening(server, options)
  })
}

/**
 * What `listen` calls when it has resolved the host and asked the cluster; not documented, and therefore not relied on.
 * For an IPv4 address, in a process that nobody forked, there is nothing to resolve and to ask, but what Node loads and
 * compiles for that is a twentieth of a start: cluster, child processes, and what tells whether a text is an IPv6 address.
 */
interface DirectListener {
  readonly _listen2?: (...at: readonly [address: string, port: number, family: 4 | 6, backlog?: number]) => void
}

function startListening(server: Server & DirectListener, options: { port: number; host: string; backlog?: number }) {
  const { port, host, backlog } = options
  if (server._listen2 === undefined || !isIPv4(host) || process.connected === true) server.listen(options)
  else server._listen2(host, port, 4, ...(backlog === undefined ? [] : [backlog]))
}

function addressOf(server: Server): AddressInfo {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address : bug('an HTTP server listens on a pipe')
}
