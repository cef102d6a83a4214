/** One WebSocket: its messages are calls of one operation, answered in order. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { RawData, WebSocket } from 'ws'
import { StackError } from '@llama-stack/api'
import type { WebSocketFacts } from '@llama-stack/api'
import { isRecord } from '../../kernel/json-record.ts'
import type { Outbox, Sender } from '../../kernel/outbox.ts'
import type { KeepAliveTicker, QuietStream } from '../keep-alive-ticker.ts'
import { parseJson } from '../parse-request.ts'
import { FrameReply } from './frame-reply.ts'
import type { MessageSink } from './frame-reply.ts'
import { MessageRequest } from './message-request.ts'

/** What a connection is made of. */
export interface ConnectionParts {
  readonly webSocket: WebSocket
  readonly socket: Duplex
  /** The request that opened it. */
  readonly request: IncomingMessage
  readonly facts: WebSocketFacts
  serve(request: MessageRequest, reply: FrameReply): void
}

/** What all connections share. */
export interface ConnectionLimits {
  /** How long a connection may be open. */
  readonly maxOpenMs: number
  /** How much may wait for the calls before it. */
  readonly maxWaitingBytes: number
  readonly ticker: KeepAliveTicker
  readonly outbox: Outbox
}

/** A message and its reply. */
interface Turn {
  readonly request: MessageRequest
  readonly reply: FrameReply
  readonly sizeBytes: number
}

/** Calls that go on at a time: each in a lane of its own, which a message names with `stream_id`. */
const MAX_LANES = 16
/** The lane of the messages that are refused one of their own. No message can name it. */
const SURPLUS = ''
/** Messages that may wait for those before them until no more are read. */
const MAX_WAITING = 16

const STREAM_ID = /^[\w.-]{1,256}$/

/** Close codes of RFC 6455, section 7.4.1. */
const NORMAL = 1000
const GOING_AWAY = 1001

/**
 * Messages of one lane are answered one after the other; a message without `stream_id` is in the lane without a name. Who
 * sends faster than that is read more slowly.
 */
export class WebSocketConnection implements MessageSink, QuietStream, Sender {
  quietTicks = 0
  place: number | undefined = undefined
  readonly #parts: ConnectionParts
  readonly #limits: ConnectionLimits
  readonly #head: Omit<MessageRequest, 'method' | 'read'>
  /** The first turn of a lane is at work. A lane without one is gone. */
  readonly #lanes = new Map<string | undefined, Turn[]>()
  /** Lanes whose next turn waits until the client has read. */
  readonly #stalled = new Set<string | undefined>()
  readonly #limitTimer: NodeJS.Timeout
  #waiting = 0
  #waitingBytes = 0
  #isCorked = false
  /** Why the connection ends as soon as nothing is at work. */
  #ending: 'limit' | 'drain' | undefined
  #isToldOfLimit = false

  constructor(parts: ConnectionParts, limits: ConnectionLimits) {
    this.#parts = parts
    this.#limits = limits
    const { webSocket, socket, request } = parts
    // An id of the client's own is that of one request, and each message is one.
    const { 'x-request-id': _openingId, ...headers } = request.headers
    this.#head = { url: request.url ?? '/', headers, connection: this }
    this.#limitTimer = setTimeout(() => this.#end('limit'), limits.maxOpenMs).unref()
    limits.ticker.add(this)
    webSocket.on('message', (data, isBinary) => this.#onMessage(data, isBinary))
    webSocket.on('close', () => this.#onClose())
    // `close` follows, with the code that the fault has.
    webSocket.on('error', () => undefined)
    socket.on('drain', () => this.#onDrain())
  }

  get isFull(): boolean {
    return this.#parts.socket.writableNeedDrain
  }

  send(json: string): void {
    this.quietTicks = 0
    if (!this.#isCorked) {
      this.#isCorked = true
      this.#parts.socket.cork()
      this.#limits.outbox.add(this)
    }
    this.#parts.webSocket.send(json)
  }

  flush(): void {
    this.#isCorked = false
    this.#parts.socket.uncork()
  }

  destroy(): void {
    this.flush()
    this.#parts.webSocket.terminate()
  }

  breakSilence(): void {
    if (!this.isFull) this.#parts.webSocket.ping()
  }

  /** Closes as soon as nothing is at work. */
  drain(): void {
    this.#end('drain')
  }

  #onMessage(data: RawData, isBinary: boolean): void {
    // What still comes after we have said that we close is not answered.
    if (this.#parts.webSocket.readyState !== this.#parts.webSocket.OPEN) return
    const bytes = data as Buffer // what `ws` gives unless another binary type is set
    const { facts } = this.#parts
    let message: Record<string, unknown>
    try {
      message = parseMessage(bytes, isBinary, facts)
    } catch (error) {
      this.#take(undefined, this.#refusal(undefined, error))
      return
    }
    const { type, stream_id: streamId, ...body } = message
    if (typeof type === 'string' && facts.ignores?.includes(type) === true) return
    const lane = typeof streamId === 'string' ? streamId : undefined
    const isTooMany = this.#lanes.size >= MAX_LANES && !this.#lanes.has(lane)
    if (this.#ending === 'limit') this.#take(isTooMany ? SURPLUS : lane, this.#limitReached(lane))
    else if (isTooMany) {
      const error = new StackError('websocket_stream_limit_reached', { limit: MAX_LANES })
      this.#take(SURPLUS, this.#refusal(lane, error))
    } else {
      const request = new MessageRequest(this.#head, () => ({ ...body, stream: true }))
      this.#take(lane, { request, reply: new FrameReply(this, lane), sizeBytes: bytes.byteLength })
    }
  }

  /** A turn that says only what is wrong. */
  #refusal(lane: string | undefined, error: unknown): Turn {
    const request = new MessageRequest(this.#head, () => {
      throw error
    })
    return { request, reply: new FrameReply(this, lane), sizeBytes: 0 }
  }

  #limitReached(lane: string | undefined): Turn {
    this.#isToldOfLimit = true
    const error = new StackError('websocket_connection_limit_reached', {
      minutes: Math.round(this.#limits.maxOpenMs / 60_000),
    })
    return this.#refusal(lane, error)
  }

  #take(id: string | undefined, turn: Turn): void {
    const lane = this.#lanes.get(id)
    if (lane === undefined) {
      this.#lanes.set(id, [turn])
      this.#start(id, turn)
    } else {
      lane.push(turn)
      this.#count(1, turn)
    }
  }

  #start(id: string | undefined, { request, reply }: Turn): void {
    reply.once('close', () => queueMicrotask(() => this.#next(id)))
    this.#parts.serve(request, reply)
  }

  #next(id: string | undefined): void {
    const lane = this.#lanes.get(id)
    if (lane === undefined) return
    if (this.isFull) {
      // Answers that nobody reads would fill the memory.
      this.#stalled.add(id)
      return
    }
    lane.shift()
    const [turn] = lane
    if (turn !== undefined) {
      this.#count(-1, turn)
      this.#start(id, turn)
      return
    }
    this.#lanes.delete(id)
    if (this.#ending !== undefined) this.#end(this.#ending)
  }

  #count(sign: 1 | -1, { sizeBytes }: Turn): void {
    this.#waiting += sign
    this.#waitingBytes += sign * sizeBytes
    const { webSocket } = this.#parts
    if (this.#waiting >= MAX_WAITING || this.#waitingBytes >= this.#limits.maxWaitingBytes) webSocket.pause()
    else if (webSocket.isPaused) webSocket.resume()
  }

  #end(why: 'limit' | 'drain'): void {
    this.#ending ??= why
    if (this.#lanes.size > 0) return
    if (this.#ending === 'limit' && !this.#isToldOfLimit) this.#take(undefined, this.#limitReached(undefined))
    else this.#parts.webSocket.close(this.#ending === 'limit' ? NORMAL : GOING_AWAY)
  }

  #onDrain(): void {
    const stalled = [...this.#stalled]
    this.#stalled.clear()
    for (const id of stalled) this.#next(id)
    for (const [turn] of this.#lanes.values()) turn?.reply.emit('drain')
  }

  #onClose(): void {
    clearTimeout(this.#limitTimer)
    this.#limits.ticker.delete(this)
    const running = [...this.#lanes.values()]
    this.#lanes.clear()
    for (const [turn] of running) turn?.reply.leave()
  }
}

/** Reads a message; throws `invalid_json` and `invalid_value`. */
function parseMessage(bytes: Buffer, isBinary: boolean, facts: WebSocketFacts): Record<string, unknown> {
  if (isBinary) throw invalid('message', 'it is binary', 'Send JSON as a text message.')
  const message = parseJson(bytes)
  const fix = `Send an object with the type '${facts.message}'.`
  if (!isRecord(message)) throw invalid('message', 'it is no JSON object', fix)
  const { type, stream_id: streamId } = message
  if (type !== facts.message && !(typeof type === 'string' && facts.ignores?.includes(type) === true)) {
    throw invalid('type', 'this WebSocket has no messages of this type', fix)
  }
  if (streamId !== undefined && !(typeof streamId === 'string' && STREAM_ID.test(streamId))) {
    throw invalid('stream_id', 'it is no name of a stream', 'Send 1 to 256 letters, digits, `_`, `-` or `.`.')
  }
  return message
}

const invalid = (param: string, problem: string, fix: string): StackError =>
  new StackError('invalid_value', { param, problem, fix })
