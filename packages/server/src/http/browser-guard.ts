/** What a web page may do with a server that listens on the reader's own machine. */
import { StackError } from '@llama-stack/api'
import { stackHeaders } from '../kernel/stack-headers.ts'
import type { RequestHead } from './http-message.ts'
import type { CorsSettings } from './http-settings.ts'

/** The two settings that open the server to pages of other origins. */
export interface BrowserSettings {
  readonly allowedHosts?: readonly string[]
  readonly cors?: boolean | CorsSettings
}

/** Checks of browser requests, and the headers that answer them. */
export interface BrowserGuard {
  /** Throws `host_not_allowed` (DNS rebinding) or `origin_not_allowed` (a write from a foreign page). */
  check(request: RequestHead, checkHost: boolean): void
  /** The headers that let a page read the reply; none for other callers. */
  replyHeaders(request: RequestHead): Readonly<Record<string, string>>
  /** The headers of a preflight's reply. */
  preflightHeaders(request: RequestHead): Readonly<Record<string, string>>
}

const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({})

/** What a page may read of a reply, beyond the few headers that browsers always show. */
const EXPOSED: readonly string[] = Object.freeze(['x-request-id', 'retry-after', ...Object.values(stackHeaders)])

/** `host.docker.internal` cannot be rebound: ICANN keeps `.internal` out of the public DNS. */
const LOOPBACK_HOST = /^(localhost|[a-z0-9-]+\.localhost|127(\.\d{1,3}){3}|\[::1\]|host\.docker\.internal)\.?$/i

/** Builds the guard. */
export function createBrowserGuard(settings: BrowserSettings): BrowserGuard {
  const hosts = new Set((settings.allowedHosts ?? []).map((host) => host.toLowerCase()))
  const isAllowedHost = (host: string): boolean => {
    const name = withoutPort(host)
    return LOOPBACK_HOST.test(name) || hosts.has('*') || hosts.has(name.toLowerCase()) || hosts.has(host.toLowerCase())
  }
  const isAllowedOrigin = toOriginRule(settings.cors)
  const cors = typeof settings.cors === 'object' ? settings.cors : {}
  const exposed = (cors.exposeHeaders ?? EXPOSED).join(', ')
  const replyHeaders = (request: RequestHead): Readonly<Record<string, string>> => {
    const { origin } = request.headers
    if (origin === undefined || !isAllowedOrigin(origin)) return NO_HEADERS
    return {
      'access-control-allow-origin': origin,
      vary: 'origin',
      'access-control-expose-headers': exposed,
      ...(cors.allowCredentials === true && { 'access-control-allow-credentials': 'true' }),
    }
  }
  // One client sends the same host again and again.
  let lastAllowed: string | undefined
  return {
    check(request, checkHost) {
      const { host, origin } = request.headers
      if (checkHost && host !== undefined && host !== lastAllowed) {
        if (!isAllowedHost(host)) throw new StackError('host_not_allowed', { host })
        lastAllowed = host
      }
      if (origin === undefined || isRead(request.method)) return
      if (!isSameOrigin(origin, host) && !isAllowedOrigin(origin))
        throw new StackError('origin_not_allowed', { origin })
    },
    replyHeaders,
    preflightHeaders(request) {
      const headers = replyHeaders(request)
      if (headers === NO_HEADERS) return headers
      const asked = request.headers['access-control-request-headers']
      return {
        ...headers,
        'access-control-allow-methods': (cors.allowMethods ?? ['GET', 'POST', 'PUT', 'DELETE']).join(', '),
        'access-control-allow-headers': cors.allowHeaders?.join(', ') ?? (asked === undefined ? '*' : String(asked)),
        'access-control-max-age': String(cors.maxAgeSeconds ?? 600),
      }
    },
  }
}

const isRead = (method: string | undefined): boolean => method === 'GET' || method === 'HEAD' || method === 'OPTIONS'

const withoutPort = (host: string): string => host.replace(/:\d+$/, '')

const isSameOrigin = (origin: string, host: string | undefined): boolean =>
  host !== undefined && (origin === `http://${host}` || origin === `https://${host}`)

function toOriginRule(cors: boolean | CorsSettings | undefined): (origin: string) => boolean {
  if (cors === undefined || cors === false) return () => false
  if (cors === true) {
    return (origin) => {
      const [, host] = /^https?:\/\/([^/]+)$/.exec(origin) ?? []
      return host !== undefined && LOOPBACK_HOST.test(withoutPort(host))
    }
  }
  const origins = new Set(cors.allowOrigins)
  const expression = cors.allowOriginRegex === undefined ? undefined : new RegExp(`^(?:${cors.allowOriginRegex})$`)
  return (origin) => origins.has('*') || origins.has(origin) || expression?.test(origin) === true
}
