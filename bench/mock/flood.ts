import type { Socket } from 'node:net'
import { toLongEvent, toStreamEvents } from './bodies.ts'

/** More than the kernel's socket buffers take, so that a proxy which does not hold back must buffer the rest. */
const floodBytes = 16 * 1024 * 1024
const floodPiece = toChunkFrame(toLongEvent(64 * 1024))

/** The text as one chunk of HTTP's chunked framing. */
export function toChunkFrame(text: string): Buffer {
  return Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`)
}

/** Writes megabytes of long events, each when the one before has left, and then the end of the stream. */
export function writeFlood(socket: Socket, onEnd: () => void): void {
  let left = floodBytes
  const more = (): void => {
    while (left > 0) {
      left -= floodPiece.length
      if (!socket.write(floodPiece)) {
        socket.once('drain', more)
        return
      }
    }
    const ending = toStreamEvents(1, false).map(toChunkFrame)
    socket.write(Buffer.concat([...ending, Buffer.from('0\r\n\r\n')]))
    onEnd()
  }
  more()
}
