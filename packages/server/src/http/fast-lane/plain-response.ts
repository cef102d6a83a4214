/** The reply to a plain request, written straight to its socket. */
import { EventEmitter } from 'node:events'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { bug } from '@llama-stack/api'
import { MAX_TEXT_BYTES } from '../../kernel/byte-stream.ts'
import type { Outbox, Sender } from '../../kernel/outbox.ts'
import type { Scratch } from '../../kernel/scratch.ts'
import type { ReplyMessage } from '../http-message.ts'

/** What a response needs of its connection. */
export interface ResponseHost {
  readonly socket: Socket
  /** The headers of every reply: the date, and how long the connection is kept. Each line is ended. */
  readonly commonHead: string
  readonly outbox: Outbox
  readonly scratch: Scratch
  /** The reply is complete and has left this process. */
  onComplete(response: PlainResponse): void
}

const EMPTY = Buffer.alloc(0)
const LAST_CHUNK = '0\r\n\r\n'
/** A value may not end its line: whoever chose it would write the rest of the reply. */
const UNSAFE = /[^\t -~]/

type Phase = 'open' | 'composed' | 'sent' | 'ended'

export class PlainResponse extends EventEmitter implements ReplyMessage, Sender {
  statusCode = 200
  /** The connection ends with this reply. */
  closesConnection = false
  readonly #host: ResponseHost
  #phase: Phase = 'open'
  /** Composed and not written yet. */
  #head = ''
  #isChunked = false
  /** Chunks of this turn that have not been written. */
  #held: (Uint8Array | string)[] = []
  #heldBytes = 0
  /** What ends the reply: it leaves at the end of the turn that ends it. */
  #last: string | undefined

  constructor(host: ResponseHost) {
    super()
    this.#host = host
  }

  get headersSent(): boolean {
    return this.#phase !== 'open'
  }

  get writableEnded(): boolean {
    return this.#phase === 'ended'
  }

  get writableNeedDrain(): boolean {
    return this.#host.socket.writableNeedDrain
  }

  writeHead(status: number, headers: Record<string, string>): this {
    if (this.#phase !== 'open') bug('a reply has two heads')
    this.#phase = 'composed'
    this.statusCode = status
    let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n`
    let hasLength = status === 204
    for (const name in headers) {
      const value = headers[name] ?? ''
      if (UNSAFE.test(value)) bug(`the value of the header ${name} cannot be sent`)
      if (name === 'content-length') hasLength = true
      else if (name === 'connection') {
        this.closesConnection = value === 'close'
        continue
      }
      head += `${name}: ${value}\r\n`
    }
    this.#isChunked = !hasLength
    head += hasLength ? '' : 'transfer-encoding: chunked\r\n'
    this.#head = `${head}${this.closesConnection ? 'connection: close\r\n' : this.#host.commonHead}\r\n`
    return this
  }

  flushHeaders(): void {
    if (this.#phase === 'composed') this.#release('')
  }

  write(chunk: Uint8Array | string): boolean {
    if (this.#phase === 'ended') return true
    if (!this.#isChunked) return this.#sendBehind(this.#takeHead(), chunk)
    return this.#hold(typeof chunk === 'string' ? Buffer.from(chunk) : chunk)
  }

  /** Writes bytes that are the characters of a text (Latin-1). */
  writeText(text: string): boolean {
    if (this.#phase === 'ended') return true
    return this.#isChunked ? this.#hold(text) : this.#sendBehind(this.#takeHead(), Buffer.from(text, 'latin1'))
  }

  end(chunk: Uint8Array | string = ''): this {
    if (this.#phase === 'ended') return this
    if (this.#phase === 'open') bug('a reply ends before it has a head')
    if (this.#isChunked) {
      this.#hold(typeof chunk === 'string' ? Buffer.from(chunk) : chunk)
      this.#last = LAST_CHUNK
    } else if (typeof chunk === 'string') this.#last = this.#takeHead() + chunk
    else this.#sendBehind(this.#takeHead(), chunk)
    this.#phase = 'ended'
    if (this.#last === undefined) this.#complete()
    else this.#host.outbox.add(this)
    return this
  }

  flush(): void {
    if (this.#last !== undefined) return this.#sendLast(this.#last)
    if (this.#held.length === 0) return
    // Whoever was told to wait because of what was held is told here when the socket has not filled up.
    const waits = this.#heldBytes >= this.#host.socket.writableHighWaterMark
    if (this.#release('') && waits) this.emit('drain')
  }

  destroy(): this {
    this.#host.socket.destroy()
    return this
  }

  #sendLast(last: string): void {
    // What is held may have had it called for already: there is nothing left for the second call.
    this.#last = undefined
    if (!this.#host.socket.destroyed) {
      if (this.#isChunked) this.#release(last)
      else this.#send(last)
    }
    this.#complete()
  }

  #complete(): void {
    const { socket } = this.#host
    // Nearly always the kernel has taken all of it.
    if (socket.writableLength === 0 || socket.destroyed) this.#host.onComplete(this)
    else socket.write(EMPTY, () => this.#host.onComplete(this))
  }

  #takeHead(): string {
    const head = this.#head
    if (head !== '') {
      this.#head = ''
      if (this.#phase !== 'ended') this.#phase = 'sent'
    }
    return head
  }

  /** Keeps a chunk until the end of this turn: bytes, or a text whose characters are bytes. */
  #hold(chunk: Uint8Array | string): boolean {
    const { socket, outbox } = this.#host
    if (chunk.length > 0) {
      if (this.#held.length === 0) outbox.add(this)
      this.#held.push(chunk)
      this.#heldBytes += chunk.length
    }
    return !socket.writableNeedDrain && socket.writableLength + this.#heldBytes < socket.writableHighWaterMark
  }

  /** Writes what was held, as one chunk of the chunked coding. */
  #release(tail: string): boolean {
    const held = this.#held
    const size = this.#heldBytes
    const head = this.#takeHead()
    if (held.length === 0) return this.#send(head + tail)
    this.#held = []
    this.#heldBytes = 0
    const begin = `${head}${size.toString(16)}\r\n`
    const end = `\r\n${tail}`
    const { socket, scratch } = this.#host
    const text = size > MAX_TEXT_BYTES ? undefined : joinTexts(held)
    if (text !== undefined) return socket.write(`${begin}${text}${end}`, 'latin1')
    return scratch.write(socket, begin.length + size + end.length, (bytes) => putAll(bytes, [begin, ...held, end]))
  }

  #send(data: Uint8Array | string): boolean {
    const { socket } = this.#host
    return typeof data === 'string' ? socket.write(data, 'utf8') : socket.write(data)
  }

  #sendBehind(head: string, body: Uint8Array | string): boolean {
    if (typeof body === 'string') return this.#send(head + body)
    const { socket } = this.#host
    socket.cork()
    if (head !== '') socket.write(head, 'latin1')
    const hasRoom = socket.write(body)
    socket.uncork()
    return hasRoom
  }
}

/** Undefined where not all of them are texts. */
function joinTexts(chunks: readonly (Uint8Array | string)[]): string | undefined {
  let joined = ''
  for (const chunk of chunks) {
    if (typeof chunk !== 'string') return undefined
    joined += chunk
  }
  return joined
}

/** Puts bytes, and texts whose characters are bytes, one behind the other. */
function putAll(joined: Buffer, chunks: readonly (Uint8Array | string)[]): void {
  let end = 0
  for (const chunk of chunks) {
    if (typeof chunk === 'string') joined.write(chunk, end, 'latin1')
    else joined.set(chunk, end)
    end += chunk.length
  }
}
