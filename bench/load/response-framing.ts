/** Receives the payload of a reply, without its framing, as slices of the buffers it came in. */
export type PayloadSink = (buffer: Buffer, start: number, end: number) => void

/** Follows one HTTP/1.1 reply after another on a connection, without copying. */
export type ResponseFraming = {
  /** Takes the next bytes; true when they complete the reply. */
  push(buffer: Buffer): boolean
  /** Status of the reply that is being read; 0 before its head has come. */
  readonly status: number
  /** Whether the reply ends with the connection. */
  readonly untilClose: boolean
  /** Forgets the reply, ready for the next one. */
  reset(): void
}

const lineFeed = 10
const semicolon = 59

/** Creates a reader of reply framing: Content-Length, chunked, or until the connection closes. */
export function createResponseFraming(onPayload?: PayloadSink): ResponseFraming {
  return new FramingReader(onPayload)
}

type Part = 'head' | 'fixed' | 'size' | 'data' | 'trailer' | 'untilClose' | 'complete'

class FramingReader implements ResponseFraming {
  status = 0
  readonly #onPayload: PayloadSink | undefined
  #part: Part = 'head'
  #head = ''
  #remaining = 0
  #size = 0
  #inExtension = false
  #lineIsEmpty = true

  constructor(onPayload: PayloadSink | undefined) {
    this.#onPayload = onPayload
  }

  get untilClose(): boolean {
    return this.#part === 'untilClose'
  }

  reset(): void {
    this.status = 0
    this.#part = 'head'
    this.#head = ''
  }

  push(buffer: Buffer): boolean {
    let at = 0
    while (at < buffer.length && this.#part !== 'complete') at = this.#step(buffer, at)
    return this.#part === 'complete'
  }

  #step(buffer: Buffer, at: number): number {
    switch (this.#part) {
      case 'head':
        return this.#readHead(buffer, at)
      case 'fixed':
        return this.#readFixed(buffer, at)
      case 'size':
        return this.#readSize(buffer, at)
      case 'data':
        return this.#readData(buffer, at)
      case 'trailer':
        return this.#readTrailer(buffer, at)
      case 'untilClose':
      case 'complete':
        this.#onPayload?.(buffer, at, buffer.length)
        return buffer.length
    }
  }

  #readHead(buffer: Buffer, at: number): number {
    const before = this.#head.length
    this.#head += buffer.toString('latin1', at)
    const end = this.#head.indexOf('\r\n\r\n')
    if (end < 0) return buffer.length
    const head = this.#head.slice(0, end).toLowerCase()
    this.status = Number.parseInt(head.slice(head.indexOf(' ') + 1), 10)
    const length = /\r\ncontent-length:\s*(\d+)/.exec(head)?.[1]
    if (/\r\ntransfer-encoding:\s*chunked/.test(head)) this.#startChunk()
    else if (length === undefined) this.#part = 'untilClose'
    else this.#startFixed(Number(length))
    return at + end + 4 - before
  }

  #startFixed(length: number): void {
    this.#remaining = length
    this.#part = length === 0 ? 'complete' : 'fixed'
  }

  #readFixed(buffer: Buffer, at: number): number {
    const end = Math.min(buffer.length, at + this.#remaining)
    this.#onPayload?.(buffer, at, end)
    this.#remaining -= end - at
    if (this.#remaining === 0) this.#part = 'complete'
    return end
  }

  #startChunk(): void {
    this.#part = 'size'
    this.#size = 0
    this.#inExtension = false
  }

  #readSize(buffer: Buffer, at: number): number {
    for (let index = at; index < buffer.length; index += 1) {
      const byte = buffer[index] ?? 0
      if (byte === lineFeed) {
        this.#remaining = this.#size
        this.#part = this.#size === 0 ? 'trailer' : 'data'
        this.#lineIsEmpty = true
        return index + 1
      }
      if (byte === semicolon) this.#inExtension = true
      else if (!this.#inExtension) this.#addSizeDigit(byte)
    }
    return buffer.length
  }

  #addSizeDigit(byte: number): void {
    if (byte >= 48 && byte <= 57) this.#size = this.#size * 16 + byte - 48
    else if ((byte | 32) >= 97 && (byte | 32) <= 102) this.#size = this.#size * 16 + (byte | 32) - 87
  }

  #readData(buffer: Buffer, at: number): number {
    if (this.#remaining > 0) {
      const end = Math.min(buffer.length, at + this.#remaining)
      this.#onPayload?.(buffer, at, end)
      this.#remaining -= end - at
      return end
    }
    // The line end after the data; it may come in two reads.
    if (buffer[at] === lineFeed) this.#startChunk()
    return at + 1
  }

  #readTrailer(buffer: Buffer, at: number): number {
    for (let index = at; index < buffer.length; index += 1) {
      const byte = buffer[index]
      if (byte === lineFeed) {
        if (this.#lineIsEmpty) {
          this.#part = 'complete'
          return index + 1
        }
        this.#lineIsEmpty = true
      } else if (byte !== 13) this.#lineIsEmpty = false
    }
    return buffer.length
  }
}
