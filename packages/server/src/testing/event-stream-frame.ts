/** Frames of `application/vnd.amazon.eventstream` as an AWS service writes them. */
import { crc32 } from 'node:zlib'

const PRELUDE_BYTES = 12
const CHECKSUM_BYTES = 4
const TEXT_TYPE = 7

/** One frame with text headers. */
export function toEventStreamFrame(headers: Readonly<Record<string, string>>, payload: Uint8Array | string): Buffer {
  const head = Buffer.concat(Object.entries(headers).map(([name, value]) => toTextHeader(name, value)))
  const body = Buffer.from(payload as string)
  const frame = Buffer.alloc(PRELUDE_BYTES + head.length + body.length + CHECKSUM_BYTES)
  frame.writeUInt32BE(frame.length, 0)
  frame.writeUInt32BE(head.length, 4)
  frame.writeUInt32BE(crc32(frame.subarray(0, 8)), 8)
  head.copy(frame, PRELUDE_BYTES)
  body.copy(frame, PRELUDE_BYTES + head.length)
  const end = frame.length - CHECKSUM_BYTES
  frame.writeUInt32BE(crc32(frame.subarray(0, end)), end)
  return frame
}

/** The frame of an event with a JSON payload. */
export function toJsonEventFrame(eventType: string, payload: unknown): Buffer {
  return toEventStreamFrame(
    { ':event-type': eventType, ':content-type': 'application/json', ':message-type': 'event' },
    JSON.stringify(payload),
  )
}

/** The frame with which a service ends a stream that fails. */
export function toExceptionFrame(exceptionType: string, payload: unknown): Buffer {
  return toEventStreamFrame(
    { ':exception-type': exceptionType, ':content-type': 'application/json', ':message-type': 'exception' },
    JSON.stringify(payload),
  )
}

function toTextHeader(name: string, value: string): Buffer {
  const header = Buffer.alloc(1 + Buffer.byteLength(name) + 3 + Buffer.byteLength(value))
  const nameEnd = 1 + header.write(name, 1)
  header.writeUInt8(nameEnd - 1, 0)
  header.writeUInt8(TEXT_TYPE, nameEnd)
  header.writeUInt16BE(Buffer.byteLength(value), nameEnd + 1)
  header.write(value, nameEnd + 3)
  return header
}
