/** One connection of the fast lane: plain requests, one after the other, until one is not plain. */
import type { Socket } from 'node:net'
import { hasPassed } from '../../kernel/http1/heartbeat.ts'
import type { HeartbeatMember } from '../../kernel/http1/heartbeat.ts'
import type { Outbox } from '../../kernel/outbox.ts'
import type { Scratch } from '../../kernel/scratch.ts'
import { parsePlainHead, PlainRequest } from './plain-request.ts'
import type { PlainHead } from './plain-request.ts'
import { PlainResponse } from './plain-response.ts'
import type { ResponseHost } from './plain-response.ts'

/** What all connections of one lane share. */
export interface LaneSurroundings {
  readonly commonHead: string
  /** Writes the events of one turn together. */
  readonly outbox: Outbox
  readonly scratch: Scratch
  readonly idleTimeoutMs: number
  readonly requestTimeoutMs: number
  /** Serves a request whose route is known. */
  serve(request: PlainRequest, response: PlainResponse, key: string): void
  /** Whether the lane serves requests of this method and path. */
  knows(key: string): boolean
  /** Takes the connection from here on; the bytes are what it has sent and nobody has answered. */
  handOver(socket: Socket, bytes: Uint8Array): void
  /** Answers a request that takes too long to arrive, and closes. */
  refuseLate(socket: Socket): void
  onGone(connection: PlainConnection): void
}

const HEAD_END = Buffer.from('\r\n\r\n')
/** As most servers have it. A longer head is Node's business, which has a limit of its own. */
const MAX_HEAD_BYTES = 16_384
/** A longer body is collected by Node's parser, under its limits. */
const MAX_BODY_BYTES = 1024 * 1024
/** What a client may send ahead of its reply before it is made to wait. */
const MAX_AHEAD_BYTES = 65_536

export class PlainConnection implements ResponseHost, HeartbeatMember {
  readonly socket: Socket
  readonly #lane: LaneSurroundings
  /** What has arrived and is not a whole request yet, or waits for the reply before it. */
  #held: Buffer | undefined
  #response: PlainResponse | undefined
  #lastText = ''
  #lastHead: PlainHead | undefined
  #quietBeats = 0
  #isMine = true

  constructor(socket: Socket, lane: LaneSurroundings) {
    this.socket = socket
    this.#lane = lane
    socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
    socket.on('drain', this.#onDrain)
    socket.on('error', this.#onError)
    socket.on('close', this.#onClose)
  }

  get outbox(): Outbox {
    return this.#lane.outbox
  }

  get scratch(): Scratch {
    return this.#lane.scratch
  }

  get commonHead(): string {
    return this.#lane.commonHead
  }

  beat(): void {
    this.#quietBeats += 1
    if (this.socket.writableEnded) return
    if (this.#response !== undefined) this.#quietBeats = 0
    else if (this.#held !== undefined) {
      if (hasPassed(this.#quietBeats, this.#lane.requestTimeoutMs)) this.#lane.refuseLate(this.socket)
    } else if (hasPassed(this.#quietBeats, this.#lane.idleTimeoutMs)) this.socket.destroy()
  }

  onComplete(response: PlainResponse): void {
    if (response !== this.#response) return
    this.#response = undefined
    this.#quietBeats = 0
    response.emit('close')
    if (response.closesConnection) {
      this.socket.end()
      return
    }
    const held = this.#held
    if (held === undefined) return
    this.#held = undefined
    this.socket.resume()
    this.#take(held)
  }

  readonly #onData = (chunk: Buffer): void => {
    // The last reply of this connection is out.
    if (this.socket.writableEnded) return
    const bytes = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk])
    if (this.#response !== undefined) {
      this.#held = bytes
      if (bytes.byteLength > MAX_AHEAD_BYTES) this.socket.pause()
      return
    }
    if (this.#held === undefined) this.#quietBeats = 0
    this.#held = undefined
    this.#take(bytes)
  }

  #take(bytes: Buffer): void {
    const end = bytes.indexOf(HEAD_END)
    if (end === -1 || end > MAX_HEAD_BYTES) return this.#handOver(bytes)
    const head = this.#parse(bytes.toString('latin1', 0, end))
    if (head === undefined || head.contentLength > MAX_BODY_BYTES || !this.#lane.knows(head.key)) {
      return this.#handOver(bytes)
    }
    const bodyStart = end + HEAD_END.length
    const bodyEnd = bodyStart + head.contentLength
    if (bytes.byteLength < bodyEnd) {
      this.#held = bytes
      return
    }
    // The next request is here already: Node's server works on both at a time.
    if (bytes.byteLength > bodyEnd) return this.#handOver(bytes)
    const response = new PlainResponse(this)
    this.#response = response
    this.#lane.serve(new PlainRequest(head, bytes.subarray(bodyStart, bodyEnd)), response, head.key)
  }

  /** A client sends nearly the same head again and again. */
  #parse(text: string): PlainHead | undefined {
    if (text === this.#lastText) return this.#lastHead
    this.#lastHead = parsePlainHead(text)
    this.#lastText = text
    return this.#lastHead
  }

  /** Between two requests, so that Node's server finds a connection like any other. */
  #handOver(bytes: Uint8Array): void {
    this.#leave()
    this.#lane.handOver(this.socket, bytes)
  }

  #leave(): void {
    if (!this.#isMine) return
    this.#isMine = false
    this.socket.off('data', this.#onData)
    this.socket.off('end', this.#onEnd)
    this.socket.off('drain', this.#onDrain)
    this.socket.off('error', this.#onError)
    this.socket.off('close', this.#onClose)
    this.#lane.onGone(this)
  }

  /** As Node's server has it, a client that sends no more wants no more. */
  readonly #onEnd = (): void => {
    this.socket.end()
  }

  readonly #onDrain = (): void => {
    this.#response?.emit('drain')
  }

  /** `close` follows. */
  readonly #onError = (): void => {}

  readonly #onClose = (): void => {
    const response = this.#response
    this.#response = undefined
    this.#leave()
    response?.emit('close')
  }
}
