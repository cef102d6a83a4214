/**
 * The connections to one origin; idle ones are kept last in first out.
 *
 * A stream holds its connection for minutes, so a cap on live connections is a silent limit on concurrency. The live
 * count has no limit here and only idle connections are kept, up to a bound.
 */
import { Connection } from './connection.ts'
import type { ConnectionOwner } from './connection.ts'
import type { Exchange } from './exchange.ts'
import type { Heartbeat } from './heartbeat.ts'
import type { SocketOpener } from './open-socket.ts'
import type { Outbox } from '../outbox.ts'
import type { RequestWriter } from './write-request.ts'

const MAX_IDLE = 256

/** What all pools of one transport share. */
export interface PoolSurroundings {
  readonly heartbeat: Heartbeat<Connection>
  readonly outbox: Outbox
  readonly readBuffer: Buffer
  readonly writer: RequestWriter
}

export interface ConnectionPoolOptions {
  readonly opener: SocketOpener
  readonly connectTimeoutMs: number
  readonly surroundings: PoolSurroundings
  /** Called when the last connection is gone. */
  readonly onEmpty?: () => void
}

export class ConnectionPool implements ConnectionOwner {
  readonly opener: SocketOpener
  readonly connectTimeoutMs: number
  readonly readBuffer: Buffer
  readonly outbox: Outbox
  readonly writer: RequestWriter
  readonly #heartbeat: Heartbeat<Connection>
  readonly #onEmpty: (() => void) | undefined
  readonly #idle: Connection[] = []
  #live = 0

  constructor(options: ConnectionPoolOptions) {
    this.opener = options.opener
    this.connectTimeoutMs = options.connectTimeoutMs
    this.readBuffer = options.surroundings.readBuffer
    this.outbox = options.surroundings.outbox
    this.writer = options.surroundings.writer
    this.#heartbeat = options.surroundings.heartbeat
    this.#onEmpty = options.onEmpty
  }

  /** Sends a request over an idle connection, or over a new one. */
  send(exchange: Exchange): void {
    const connection = this.#idle.pop() ?? this.#open()
    connection.send(exchange)
  }

  onIdle(connection: Connection): void {
    if (this.#idle.length < MAX_IDLE) this.#idle.push(connection)
    else connection.abort()
  }

  onGone(connection: Connection): void {
    this.#heartbeat.leave(connection)
    const at = this.#idle.indexOf(connection)
    if (at !== -1) this.#idle.splice(at, 1)
    this.#live -= 1
    if (this.#live === 0) this.#onEmpty?.()
  }

  /** On a new connection this cannot happen again (RFC 9112, section 9.3.1). */
  onStale(exchange: Exchange): void {
    this.#open().send(exchange)
  }

  #open(): Connection {
    const connection = new Connection(this)
    this.#live += 1
    this.#heartbeat.join(connection)
    return connection
  }
}
