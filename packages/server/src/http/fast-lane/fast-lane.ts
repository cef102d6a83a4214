/**
 * The fast lane of a listener: plain requests are read and answered without Node's request and response objects, which
 * cost about as much as all the rest that is done for a short request (docs/decisions/0008-fast-lane.md). Whatever is not
 * plain goes to Node's server, together with its connection.
 */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { bug } from '@llama-stack/api'
import type { Clock } from '@llama-stack/api'
import { Heartbeat } from '../../kernel/http1/heartbeat.ts'
import { Outbox } from '../../kernel/outbox.ts'
import { Scratch } from '../../kernel/scratch.ts'
import { PlainConnection } from './plain-connection.ts'
import type { LaneSurroundings } from './plain-connection.ts'

export interface FastLaneOptions extends Pick<LaneSurroundings, 'serve' | 'knows' | 'refuseLate'> {
  readonly clock: Clock
  readonly keepAliveTimeoutMs: number
  /** From the first byte of a request to its last. */
  readonly requestTimeoutMs: number
}

/** The lane of one listener. */
export interface FastLane {
  /** Breaks off every connection that is in the lane. */
  closeAll(): void
}

/** How old the `date` of a reply may be. It counts whole seconds. */
const DATE_MS = 250

/** Puts the lane in front of a server of Node's. */
export function openFastLane(server: Server, options: FastLaneOptions): FastLane {
  const [listener, ...others] = server.listeners('connection')
  if (listener === undefined || others.length > 0) bug('an HTTP server has not one listener for its connections')
  const heartbeat = new Heartbeat<PlainConnection>()
  const seconds = Math.floor(options.keepAliveTimeoutMs / 1000)
  let dateMs = 0
  let commonHead = ''
  const surroundings: LaneSurroundings = {
    outbox: new Outbox(),
    scratch: new Scratch(),
    serve: options.serve,
    knows: options.knows,
    refuseLate: options.refuseLate,
    requestTimeoutMs: options.requestTimeoutMs,
    idleTimeoutMs: options.keepAliveTimeoutMs,
    get commonHead() {
      const nowMs = options.clock.now()
      if (nowMs - dateMs >= DATE_MS || nowMs < dateMs) {
        dateMs = nowMs
        const date = new Date(nowMs).toUTCString()
        commonHead = `date: ${date}\r\nconnection: keep-alive\r\nkeep-alive: timeout=${seconds}\r\n`
      }
      return commonHead
    },
    handOver(socket, bytes) {
      listener.call(server, socket)
      // Node's parser has been told of the socket; what was read before it came is shown to it like any other data.
      socket.emit('data', bytes)
    },
    onGone: (connection) => heartbeat.leave(connection),
  }
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => heartbeat.join(new PlainConnection(socket, surroundings)))
  return {
    closeAll() {
      for (const connection of heartbeat.members) connection.socket.destroy()
    },
  }
}
