/**
 * Writes the chunks of a streamed reply as one buffer each. `ServerResponse.write` sends a chunk of the chunked transfer
 * coding as four pieces (size, line end, data, line end) through cork and writev, which costs more than everything else
 * that is done for an event.
 */
import { ServerResponse } from 'node:http'
import { bug } from '@llama-stack/api'
import type { ReplyMessage } from './http-message.ts'

/** Both return false when the client reads too slowly: the response says `drain` when it may go on. */
export interface ChunkWriter {
  write(chunk: Uint8Array | string): boolean
  /** Writes bytes that are the characters of a text (Latin-1). */
  writeText(text: string): boolean
}

/** Most hex digits of a size, and the two line ends. */
const FRAME_BYTES = 8 + 4

/** Creates a writer for a response whose head has been set. */
export function createChunkWriter(response: ReplyMessage): ChunkWriter {
  // All others frame their chunks themselves.
  if (hasText(response)) return response
  if (!(response instanceof ServerResponse)) bug("a reply is neither Node's own nor one that takes texts")
  const write = createFrameWriter(response)
  return { write, writeText: (text) => write(Buffer.from(text, 'latin1')) }
}

const hasText = (response: ReplyMessage): response is ReplyMessage & ChunkWriter => response.writeText !== undefined

function createFrameWriter(response: ServerResponse): ChunkWriter['write'] {
  let headIsOut = false
  let isWaiting = false
  return (chunk) => {
    if (!headIsOut) {
      headIsOut = true
      // Only composed so far; what is written past the response must not overtake it.
      response.flushHeaders()
    }
    const { socket } = response
    // Without a socket of its own (a pipelined request that has to wait, `stack.fetch`), or without the coding
    // (HTTP/1.0), Node's own way is right.
    const direct = socket !== null && 'server' in socket && typeof chunk !== 'string'
    if (!direct) return response.write(chunk)
    if (!response.chunkedEncoding || response.writableLength > socket.writableLength) {
      return response.write(chunk)
    }
    if (chunk.byteLength === 0) return !socket.writableNeedDrain
    if (socket.write(toFrame(chunk))) return true
    // Some sources write on while the client reads too slowly.
    if (isWaiting) return false
    isWaiting = true
    socket.once('drain', () => {
      isWaiting = false
      response.emit('drain')
    })
    return false
  }
}

function toFrame(chunk: Uint8Array): Buffer {
  const size = chunk.byteLength.toString(16)
  const frame = Buffer.allocUnsafe(chunk.byteLength + FRAME_BYTES)
  let end = frame.write(size, 0, 'latin1')
  end = lineEnd(frame, end)
  frame.set(chunk, end)
  end = lineEnd(frame, end + chunk.byteLength)
  return frame.subarray(0, end)
}

function lineEnd(frame: Buffer, at: number): number {
  frame[at] = 13
  frame[at + 1] = 10
  return at + 2
}
