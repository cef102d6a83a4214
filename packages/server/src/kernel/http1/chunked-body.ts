/** Decodes the chunked transfer coding, cut anywhere (RFC 9112, section 7.1). */

/** No honest chunk is larger, and sizes stay exact numbers. */
const MAX_CHUNK_BYTES = 2 ** 48
const MAX_SIZE_DIGITS = 16
const MAX_EXTENSION_BYTES = 4096
const MAX_TRAILER_BYTES = 65_536

const CARRIAGE_RETURN = 13
const LINE_FEED = 10
const TAB = 9
const SPACE = 32
const SEMICOLON = 59
const DELETE = 127

/** What the next byte belongs to. */
const STATE = Object.freeze({
  size: 0,
  extension: 1,
  sizeEnd: 2,
  data: 3,
  dataReturn: 4,
  dataEnd: 5,
  trailerStart: 6,
  trailer: 7,
  trailerEnd: 8,
  lastEnd: 9,
  done: 10,
})

/** One chunked body after the other. Extensions and trailers are skipped, within bounds. */
export class ChunkedBody {
  #state: number = STATE.size
  #size = 0
  #digits = 0
  #skipped = 0
  #payload: Buffer | undefined
  #used = 0
  /** The payload of `decodeText`; whoever takes it empties it. */
  text = ''
  /** What is wrong with the body; nothing is decoded after it. */
  problem: string | undefined

  get done(): boolean {
    return this.#state === STATE.done
  }

  start(): void {
    this.#state = STATE.size
    this.#size = 0
    this.#digits = 0
    this.#skipped = 0
    this.#payload = undefined
    this.problem = undefined
  }

  /** Decodes `bytes` up to `end` and returns the index after the last byte that belongs to the body. */
  decode(bytes: Buffer, from: number, end: number): number {
    let at = from
    while (at < end && this.#state !== STATE.done && this.problem === undefined) {
      if (this.#state === STATE.data) at = this.#copy(bytes, at, end)
      else {
        // The index is inside the buffer.
        this.#step(bytes[at] as number)
        at += 1
      }
    }
    return at
  }

  /** As `decode`; the payload is added to `text`, as Latin-1. */
  decodeText(bytes: Buffer, from: number, end: number): number {
    let at = from
    while (at < end && this.#state !== STATE.done && this.problem === undefined) {
      if (this.#state === STATE.data) {
        const to = Math.min(at + this.#size, end)
        this.text += bytes.toString('latin1', at, to)
        this.#consume(to - at)
        at = to
      } else {
        // The index is inside the buffer.
        this.#step(bytes[at] as number)
        at += 1
      }
    }
    return at
  }

  /** The payload decoded since the last call, in one piece of its own memory. */
  take(): Buffer | undefined {
    const payload = this.#payload
    this.#payload = undefined
    return payload === undefined || payload.length === this.#used ? payload : payload.subarray(0, this.#used)
  }

  #copy(bytes: Buffer, from: number, end: number): number {
    const to = Math.min(from + this.#size, end)
    // Nearly always a read holds one chunk: its payload and the line end after it. Then the copy has the exact size.
    if (this.#payload === undefined) {
      this.#payload = Buffer.allocUnsafe(end - to <= 2 ? to - from : end - from)
      this.#used = 0
    }
    bytes.copy(this.#payload, this.#used, from, to)
    this.#used += to - from
    this.#consume(to - from)
    return to
  }

  #consume(length: number): void {
    this.#size -= length
    if (this.#size === 0) this.#state = STATE.dataReturn
  }

  #step(byte: number): void {
    switch (this.#state) {
      case STATE.size:
        return this.#sizeDigit(byte)
      case STATE.extension:
        return this.#skip(byte, { next: STATE.sizeEnd, maxBytes: MAX_EXTENSION_BYTES, what: 'chunk extension' })
      case STATE.sizeEnd:
        return this.#expect(byte, LINE_FEED, this.#size === 0 ? STATE.trailerStart : STATE.data)
      case STATE.dataReturn:
        return this.#expect(byte, CARRIAGE_RETURN, STATE.dataEnd)
      case STATE.dataEnd:
        this.#digits = 0
        return this.#expect(byte, LINE_FEED, STATE.size)
      case STATE.trailerStart:
        if (byte === CARRIAGE_RETURN) this.#state = STATE.lastEnd
        else {
          this.#state = STATE.trailer
          this.#skip(byte, TRAILER)
        }
        return
      case STATE.trailer:
        return this.#skip(byte, TRAILER)
      case STATE.trailerEnd:
        return this.#expect(byte, LINE_FEED, STATE.trailerStart)
      default:
        return this.#expect(byte, LINE_FEED, STATE.done)
    }
  }

  #sizeDigit(byte: number): void {
    const digit = hexDigit(byte)
    if (digit !== undefined) {
      this.#digits += 1
      this.#size = this.#size * 16 + digit
      if (this.#digits > MAX_SIZE_DIGITS || this.#size > MAX_CHUNK_BYTES) this.problem = 'a chunk is too large'
    } else if (this.#digits === 0) this.problem = 'a chunk has no size'
    else if (byte === CARRIAGE_RETURN) this.#state = STATE.sizeEnd
    else if (byte === SEMICOLON || byte === SPACE || byte === TAB) {
      this.#state = STATE.extension
      this.#skipped = 0
    } else this.problem = 'the size of a chunk is no number'
  }

  #skip(byte: number, line: { readonly next: number; readonly maxBytes: number; readonly what: string }): void {
    this.#skipped += 1
    if (byte === CARRIAGE_RETURN) this.#state = line.next
    else if ((byte < SPACE && byte !== TAB) || byte === DELETE) this.problem = `a ${line.what} has a control character`
    else if (this.#skipped > line.maxBytes) this.problem = `a ${line.what} is too long`
  }

  #expect(byte: number, expected: number, next: number): void {
    if (byte === expected) this.#state = next
    else this.problem = 'a chunk does not end where its size says'
  }
}

const TRAILER = Object.freeze({ next: STATE.trailerEnd, maxBytes: MAX_TRAILER_BYTES, what: 'trailer' })

function hexDigit(byte: number): number | undefined {
  if (byte >= 48 && byte <= 57) return byte - 48
  const lower = byte | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : undefined
}
