/**
 * The binary frames of `application/vnd.amazon.eventstream`, whatever the chunk boundaries. "Event stream encoding" in the
 * documentation of Amazon Transcribe and of S3 Select: lengths and checksums are big-endian, checksums are CRC-32.
 */
import { crc32 } from 'node:zlib'
import { StackError } from '@llama-stack/api'

/** One frame. */
export interface EventStreamMessage {
  /** Text headers by name: `:message-type`, `:event-type`, `:exception-type`. Those of other types are left out. */
  readonly headers: Readonly<Record<string, string>>
  readonly payload: Uint8Array
}

/** Total length, length of the headers, and the checksum of these two. */
const PRELUDE_BYTES = 12
const CHECKSUM_BYTES = 4
const LENGTHS_BYTES = 8
/** Services send 16 MiB at most; a frame that claims more is none. */
const MAX_MESSAGE_BYTES = 24 * 1024 * 1024
const EMPTY = Buffer.alloc(0)

/** The lengths of header values of a fixed length, by their type. */
const FIXED_LENGTHS: Readonly<Record<number, number>> = Object.freeze({
  0: 0,
  1: 0,
  2: 1,
  3: 2,
  4: 4,
  5: 8,
  8: 8,
  9: 16,
})
const BYTES_TYPE = 6
const TEXT_TYPE = 7

/** Cuts a body into frames and checks each. What breaks the encoding is thrown as `provider_stream_broken`. */
export class EventStreamDecoder {
  readonly #provider: string
  #rest: Buffer = EMPTY

  /** The provider is named in errors. */
  constructor(provider: string) {
    this.#provider = provider
  }

  /** The frames that are complete with this chunk. */
  decode(chunk: Uint8Array): EventStreamMessage[] {
    const arrived = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    const bytes = this.#rest.byteLength === 0 ? arrived : Buffer.concat([this.#rest, arrived])
    const messages: EventStreamMessage[] = []
    let start = 0
    for (;;) {
      const length = this.#messageLength(bytes.subarray(start))
      if (length === undefined || bytes.byteLength - start < length) break
      messages.push(this.#message(bytes.subarray(start, start + length)))
      start += length
    }
    // A copy: the transport may use the memory of its chunk again.
    this.#rest = start === bytes.byteLength ? EMPTY : Buffer.from(bytes.subarray(start))
    return messages
  }

  /** Throws where the body ends within a frame. */
  end(): void {
    if (this.#rest.byteLength > 0) throw this.#broken('it ended within a frame')
  }

  #messageLength(bytes: Buffer): number | undefined {
    if (bytes.byteLength < PRELUDE_BYTES) return undefined
    const total = bytes.readUInt32BE(0)
    const headers = bytes.readUInt32BE(4)
    if (crc32(bytes.subarray(0, LENGTHS_BYTES)) !== bytes.readUInt32BE(LENGTHS_BYTES)) {
      throw this.#broken('the checksum of a frame’s lengths is wrong')
    }
    if (total > MAX_MESSAGE_BYTES || total < PRELUDE_BYTES + headers + CHECKSUM_BYTES) {
      throw this.#broken(`a frame claims an impossible length (${total} bytes)`)
    }
    return total
  }

  #message(frame: Buffer): EventStreamMessage {
    const end = frame.byteLength - CHECKSUM_BYTES
    if (crc32(frame.subarray(0, end)) !== frame.readUInt32BE(end))
      throw this.#broken('the checksum of a frame is wrong')
    const headersEnd = PRELUDE_BYTES + frame.readUInt32BE(4)
    return {
      headers: this.#headers(frame.subarray(PRELUDE_BYTES, headersEnd)),
      payload: Uint8Array.from(frame.subarray(headersEnd, end)),
    }
  }

  #headers(bytes: Buffer): Record<string, string> {
    const headers: Record<string, string> = {}
    try {
      for (let at = 0; at < bytes.byteLength;) {
        const nameStart = at + 1
        const nameEnd = nameStart + bytes.readUInt8(at)
        const type = bytes.readUInt8(nameEnd)
        const fixed = FIXED_LENGTHS[type]
        const hasLength = type === BYTES_TYPE || type === TEXT_TYPE
        if (fixed === undefined && !hasLength) throw this.#broken(`a header has the unknown type ${type}`)
        const valueStart = nameEnd + (hasLength ? 3 : 1)
        const valueEnd = valueStart + (fixed ?? bytes.readUInt16BE(nameEnd + 1))
        if (valueEnd > bytes.byteLength) throw this.#broken('a header is longer than its frame')
        if (type === TEXT_TYPE) {
          headers[bytes.toString('utf8', nameStart, nameEnd)] = bytes.toString('utf8', valueStart, valueEnd)
        }
        at = valueEnd
      }
    } catch (error) {
      if (error instanceof RangeError) throw this.#broken('a header is longer than its frame')
      throw error
    }
    return headers
  }

  #broken(reason: string): StackError {
    return new StackError('provider_stream_broken', { provider: this.#provider, reason })
  }
}
