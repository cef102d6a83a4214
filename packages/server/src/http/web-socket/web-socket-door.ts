/** The third door: WebSockets, which begin as requests of a listener. */
import { ServerResponse } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { StackError } from '@llama-stack/api'
import type { BoundRoute } from '../bound-route.ts'
import type { Edge } from '../edge.ts'
import { pathOf } from '../exchange.ts'
import type { HttpServerSettings } from '../http-settings.ts'
import type { RouteEntry } from '../route-table.ts'
import type { WebSocketHost } from './web-socket-host.ts'

/** What a listener needs to take WebSockets. */
export interface WebSocketDoor {
  /** Whether a request asks for a WebSocket where there is one. All others stay what they are. */
  accepts(request: IncomingMessage): boolean
  /** Takes over the connection of such a request; `head` is what came behind it. */
  open(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** From now on connections close as soon as nothing is at work. */
  drain(): void
  /** Breaks off every connection. */
  closeAll(): void
}

/** Creates the door; undefined where no route is called that way. */
export function createWebSocketDoor(
  entries: readonly RouteEntry[],
  edge: Edge,
  settings: HttpServerSettings,
): WebSocketDoor | undefined {
  const routes = new Map<string, BoundRoute>()
  for (const { bound, pattern } of entries) {
    if (bound.route.webSocket !== undefined) routes.set(pattern.template, bound)
  }
  if (routes.size === 0) return undefined
  const find = (request: IncomingMessage): BoundRoute | undefined =>
    request.method === 'GET' && request.headers.upgrade?.toLowerCase() === 'websocket'
      ? routes.get(pathOf(request))
      : undefined
  let loading: Promise<WebSocketHost> | undefined
  let host: WebSocketHost | undefined
  const load = async (): Promise<WebSocketHost> => {
    const { createWebSocketHost } = await import('./web-socket-host.ts')
    return (host = createWebSocketHost(edge, settings))
  }
  return {
    accepts: (request) => find(request) !== undefined,
    open(request, socket, head) {
      const refuse = (error: unknown): void => edge.refuse({ request, response: toResponse(request, socket) }, error)
      // Nobody else listens to the socket until the WebSocket is there.
      socket.on('error', () => undefined)
      try {
        const bound = find(request) ?? unknownProtocol(request)
        edge.admit(request, bound)
        loading ??= load()
        loading.then((loaded) => loaded.open({ request, socket, head, refuse }, bound)).catch(refuse)
      } catch (error) {
        refuse(error)
      }
    },
    drain: () => host?.drain(),
    closeAll: () => host?.closeAll(),
  }
}

/** Node before 24.9 offers all upgrades once there is somebody who takes one. */
function unknownProtocol({ headers }: IncomingMessage): never {
  throw new StackError('invalid_value', {
    param: 'upgrade',
    problem: 'this path has no such protocol',
    value: JSON.stringify(headers.upgrade?.slice(0, 80)),
    fix: 'Leave the header out.',
  })
}

/** A reply on a connection that its server has given away. The connection ends with it. */
function toResponse(request: IncomingMessage, socket: Duplex): ServerResponse {
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  const given = socket as Socket // servers of `node:http` have no others
  response.assignSocket(given)
  response.once('finish', () => given.destroySoon())
  return response
}
