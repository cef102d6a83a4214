/** The open WebSockets of an application. Loaded with the first of them, for the sake of the start. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { bug, StackError } from '@llama-stack/api'
import { Outbox } from '../../kernel/outbox.ts'
import { DEFAULT_KEEP_ALIVE_MS, DEFAULT_MAX_BODY_BYTES } from '../../kernel/server-defaults.ts'
import type { BoundRoute } from '../bound-route.ts'
import type { Edge } from '../edge.ts'
import type { HttpServerSettings } from '../http-settings.ts'
import { createKeepAliveTicker } from '../keep-alive-ticker.ts'
import { WebSocketConnection } from './web-socket-connection.ts'
import type { ConnectionLimits } from './web-socket-connection.ts'

/** A connection that wants to become a WebSocket. */
export interface Upgrade {
  readonly request: IncomingMessage
  readonly socket: Duplex
  /** What came behind the request. */
  readonly head: Buffer
  /** Answers with HTTP that it does not become one. */
  refuse(error: unknown): void
}

/** Holds the WebSockets. */
export interface WebSocketHost {
  /** Makes a WebSocket of a connection whose caller has been admitted. */
  open(upgrade: Upgrade, bound: BoundRoute): void
  /** Closes each as soon as nothing is at work. */
  drain(): void
  /** Breaks all of them off. */
  closeAll(): void
}

/** As long as OpenAI keeps one. */
const DEFAULT_MAX_OPEN_MS = 60 * 60 * 1000

/** Creates the host. Calls go through the edge, each as a request of its own. */
export function createWebSocketHost(edge: Edge, settings: HttpServerSettings): WebSocketHost {
  const maxBodyBytes = settings.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES
  const limits: ConnectionLimits = {
    maxOpenMs: settings.maxWebSocketMs ?? DEFAULT_MAX_OPEN_MS,
    maxWaitingBytes: maxBodyBytes,
    ticker: createKeepAliveTicker(settings.keepAliveMs ?? DEFAULT_KEEP_ALIVE_MS),
    outbox: new Outbox(),
  }
  const connections = new Set<WebSocketConnection>()
  // Compression costs memory for each connection and CPU for each event; a proxy in front can do it where it pays.
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: maxBodyBytes,
  })
  const opening = new WeakMap<IncomingMessage, Upgrade>()
  server.on('wsClientError', (error, _socket, request) => {
    const problem = `it opens no WebSocket: ${error.message}`
    const fix = 'Send the headers that RFC 6455 asks for.'
    opening.get(request)?.refuse(new StackError('invalid_value', { param: 'request', problem, fix }, { cause: error }))
  })
  return {
    open(upgrade, bound) {
      const { request, socket, head } = upgrade
      const facts = bound.route.webSocket ?? bug('a WebSocket opens on a route that has none')
      opening.set(request, upgrade)
      server.handleUpgrade(request, socket, head, (webSocket) => {
        const connection = new WebSocketConnection(
          {
            webSocket,
            socket,
            request,
            facts,
            serve: (message, response) => edge.serve({ request: message, response }, { bound, params: {}, query: {} }),
          },
          limits,
        )
        connections.add(connection)
        webSocket.on('close', () => connections.delete(connection))
        if (edge.draining) connection.drain()
      })
    },
    drain() {
      for (const connection of connections) connection.drain()
    },
    closeAll() {
      for (const connection of connections) connection.destroy()
    },
  }
}
