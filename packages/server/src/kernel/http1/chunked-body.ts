/** Decodes the chunked transfer coding, cut anywhere (RFC 9112, section 7.1). */

/** No honest chunk is larger, and sizes stay exact numbers. */
const MAX_CHUNK_BYTES = 2 ** 48
const MAX_SIZE_DIGITS = 16
const USUAL_SIZE_DIGITS = 8
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
  /** Where the payload of the last `decode` lies in its bytes. */
  payloadStart = 0
  payloadEnd = 0
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
    this.problem = undefined
  }

  /**
   * Decodes `bytes` up to `end` and returns the index after the last byte that belongs to the body. The payload of all
   * chunks is moved together within `bytes`: what is made of one piece costs less than what is joined from many.
   */
  decode(bytes: Buffer, from: number, end: number): number {
    let at = from
    let start = from
    let used = from
    while (at < end && this.#state !== STATE.done && this.problem === undefined) {
      if (this.#state === STATE.data) {
        const to = Math.min(at + this.#size, end)
        if (used === start) start = used = at
        else bytes.copyWithin(used, at, to)
        used += to - at
        this.#consume(to - at)
        at = this.#size === 0 ? this.#passFrame(bytes, to, end) : to
      } else {
        // The index is inside the buffer.
        this.#step(bytes[at] as number)
        at += 1
      }
    }
    this.payloadStart = start
    this.payloadEnd = used
    return at
  }

  /** Passes the bytes that are usual between two chunks, `\r\n`, a size and `\r\n`, when all of them are there. */
  #passFrame(bytes: Buffer, at: number, end: number): number {
    if (bytes[at] !== CARRIAGE_RETURN || bytes[at + 1] !== LINE_FEED) return at
    let size = 0
    let next = at + 2
    const last = Math.min(end, next + USUAL_SIZE_DIGITS)
    for (; next < last; next += 1) {
      const digit = hexDigit(bytes[next] as number) // the index is inside the buffer
      if (digit === undefined) break
      size = size * 16 + digit
    }
    if (size === 0 || next + 1 >= end || bytes[next] !== CARRIAGE_RETURN || bytes[next + 1] !== LINE_FEED) return at
    this.#size = size
    this.#state = STATE.data
    return next + 2
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
