/** One HTTP/1.1 connection: one call at a time, kept open in between. */
import type { OnReadOpts, Socket } from 'node:net'
import { bug } from '@llama-stack/api'
import { ConnectionFault } from './connection-fault.ts'
import type { Exchange, ReplySource } from './exchange.ts'
import { BEAT_MS, hasPassed } from './heartbeat.ts'
import type { HeartbeatMember } from './heartbeat.ts'
import type { SocketOpener } from './open-socket.ts'
import type { Outbox, Sender } from '../outbox.ts'
import { ResponseParser } from './response-parser.ts'
import type { ResponseHead } from './response-head.ts'
import type { RequestWriter } from './write-request.ts'

/** How long an idle connection is kept where the server does not say. Node's servers close after 5 s. */
const DEFAULT_KEEP_ALIVE_MS = 4000
const MAX_KEEP_ALIVE_MS = 600_000
/** A request may be on its way while the server closes: we stop using a connection this long before. */
const KEEP_ALIVE_MARGIN_MS = 1000
/**
 * A connection that turns out to be closed does so within a round trip. Later, the server was at work on the request,
 * and sending it again could do the work twice.
 */
const MAX_STALE_BEATS = 2000 / BEAT_MS

/** Where a connection belongs. */
export interface ConnectionOwner {
  readonly opener: SocketOpener
  readonly connectTimeoutMs: number
  /** Every socket reads into this buffer: what a read brings is parsed and copied before the next one begins. */
  readonly readBuffer: Buffer
  /** Writes the requests of one turn together. */
  readonly outbox: Outbox
  readonly writer: RequestWriter
  /** The reply has ended and the connection can take another call. */
  onIdle(connection: Connection): void
  /** The connection takes no more calls. */
  onGone(connection: Connection): void
  /** The call reached a connection that the server had closed meanwhile: nothing was received for it. */
  onStale(exchange: Exchange): void
}

export class Connection implements ReplySource, HeartbeatMember, Sender {
  readonly #owner: ConnectionOwner
  readonly #socket: Socket
  readonly #parser = new ResponseParser()
  #exchange: Exchange | undefined
  #phase: 'connecting' | 'open' | 'gone' = 'connecting'
  /** Beats since the last thing that counts as a sign of life. */
  #quietBeats = 0
  #keepAliveMs = DEFAULT_KEEP_ALIVE_MS
  #reused = false
  #headTold = false
  #received = false
  #paused = false
  /** An idle connection does not keep the process alive. */
  #holdsProcess = true

  constructor(owner: ConnectionOwner) {
    this.#owner = owner
    const callback: OnReadOpts['callback'] = (length) => {
      this.#read(length)
      return true
    }
    const socket = owner.opener.open({ buffer: owner.readBuffer, callback })
    this.#socket = socket
    socket.once(owner.opener.readyEvent, () => {
      if (this.#phase === 'connecting') this.#phase = 'open'
      this.#quietBeats = 0
    })
    socket.on('end', () => this.#ended())
    socket.on('error', (cause) => this.#lost(cause))
    socket.on('close', () => this.#lost(new ConnectionFault('CONNECTION_CLOSED', 'the other side closed it')))
  }

  /** Sends a request. The connection must be new or idle. */
  send(exchange: Exchange): void {
    if (this.#exchange !== undefined) bug('a connection is asked for two calls at once')
    this.#exchange = exchange
    this.#quietBeats = 0
    this.#headTold = false
    this.#received = false
    this.#parser.start()
    if (!this.#holdsProcess) {
      this.#holdsProcess = true
      this.#socket.ref()
    }
    exchange.receiver.source = this
    this.#owner.outbox.add(this)
  }

  flush(): void {
    const { writer, opener } = this.#owner
    if (this.#exchange !== undefined) writer.write(this.#socket, this.#exchange, opener.writesThrough)
  }

  pause(): void {
    this.#paused = true
    this.#socket.pause()
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#socket.resume()
  }

  abort(): void {
    this.#letGo()
    this.#destroy()
  }

  /** Fails the call under way, if any, and resolves when the socket is closed. */
  close(cause: Error): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.closed) resolve()
      else this.#socket.once('close', () => resolve())
      this.#fail(cause)
    })
  }

  beat(): void {
    this.#quietBeats += 1
    const exchange = this.#exchange
    if (this.#phase === 'connecting') {
      if (hasPassed(this.#quietBeats, this.#owner.connectTimeoutMs)) {
        this.#fail(new ConnectionFault('CONNECT_TIMEOUT', 'connecting took too long'))
      }
    } else if (exchange === undefined) this.#beatIdle()
    else if (this.#paused) this.#quietBeats = 0
    else if (this.#parser.head === undefined) {
      if (hasPassed(this.#quietBeats, exchange.headersTimeoutMs)) {
        this.#fail(new ConnectionFault('HEADERS_TIMEOUT', 'no reply came in time'))
      }
    } else if (hasPassed(this.#quietBeats, exchange.idleTimeoutMs)) {
      this.#fail(new ConnectionFault('BODY_TIMEOUT', 'the reply fell silent'))
    }
  }

  #beatIdle(): void {
    if (hasPassed(this.#quietBeats, this.#keepAliveMs)) this.#destroy()
    else if (this.#holdsProcess) {
      this.#holdsProcess = false
      this.#socket.unref()
    }
  }

  #read(length: number): void {
    const exchange = this.#exchange
    // Nobody asked: what comes now could be taken for the reply to the next call.
    if (exchange === undefined) return this.#destroy()
    this.#received = true
    const parser = this.#parser
    const { receiver } = exchange
    const progress = parser.push(this.#owner.readBuffer, length, receiver.wantsText)
    const { head, body, text, problem } = parser
    if (head !== undefined) this.#quietBeats = 0
    const isNewHead = head !== undefined && !this.#headTold
    this.#headTold = head !== undefined
    // From here on the connection may serve another call before this function returns.
    if (progress === 'done' && head !== undefined) this.#settle(head)
    if (isNewHead) receiver.onHead(head.status, head.headers)
    if (body !== undefined) receiver.onData(body)
    else if (text !== '') receiver.onText(text)
    if (progress === 'done') receiver.onEnd()
    else if (progress === 'bad') this.#fail(new ConnectionFault('MALFORMED_REPLY', problem ?? ''))
  }

  /** The reply is whole: the connection is free or done with. */
  #settle(head: ResponseHead): void {
    this.#letGo()
    const hint = head.keepAliveMs
    this.#keepAliveMs =
      hint === undefined ? DEFAULT_KEEP_ALIVE_MS : Math.min(hint, MAX_KEEP_ALIVE_MS) - KEEP_ALIVE_MARGIN_MS
    const usable = head.reusable && !this.#parser.excess && this.#keepAliveMs > 0
    // A server may answer before it has read the whole request; the rest would be taken for the next one.
    if (!usable || this.#phase !== 'open' || this.#socket.writableLength > 0) return this.#destroy()
    this.#reused = true
    this.#quietBeats = 0
    this.resume()
    this.#owner.onIdle(this)
  }

  #ended(): void {
    const exchange = this.#exchange
    if (exchange !== undefined && this.#parser.close() === 'done') {
      this.#letGo()
      this.#destroy()
      exchange.receiver.onEnd()
    } else this.#lost(new ConnectionFault('CONNECTION_CLOSED', 'the other side closed it'))
  }

  #lost(cause: Error): void {
    const exchange = this.#exchange
    const isStale = this.#reused && !this.#received && this.#quietBeats <= MAX_STALE_BEATS
    if (exchange === undefined || exchange.once === true || !isStale) return this.#fail(cause)
    this.#letGo()
    this.#destroy()
    this.#owner.onStale(exchange)
  }

  #fail(cause: Error): void {
    const exchange = this.#exchange
    this.#letGo()
    this.#destroy()
    exchange?.receiver.onError(cause)
  }

  #letGo(): void {
    if (this.#exchange !== undefined) this.#exchange.receiver.source = undefined
    this.#exchange = undefined
  }

  #destroy(): void {
    if (this.#phase === 'gone') return
    this.#phase = 'gone'
    this.#socket.destroy()
    this.#owner.onGone(this)
  }
}
