/** Puts requests on their sockets with as few writes as their sizes allow. */
import type { Socket } from 'node:net'
import { Scratch, SCRATCH_BYTES } from '../scratch.ts'
import type { Exchange } from './exchange.ts'

/** Beyond this, joining head and body in memory of their own costs more than telling the kernel about several pieces. */
const MAX_JOINED_BYTES = 16_384

/** One serves all connections of a transport: they write one after the other. */
export class RequestWriter {
  readonly #scratch = new Scratch()

  /**
   * Writes head and body in one system call. The body must not change before the reply has come. `writesThrough` tells whether
   * the socket hands what it can to the kernel at once.
   */
  write(socket: Socket, { head, body }: Exchange, writesThrough: boolean): void {
    if (body === undefined) {
      socket.write(`${head}\r\n`, 'latin1')
      return
    }
    if (typeof body === 'string') {
      writeText(socket, head, body)
      return
    }
    const pieces = body instanceof Uint8Array ? [body] : body
    let length = 0
    for (const piece of pieces) length += piece.byteLength
    const ended = endHead(head, length)
    const limit = writesThrough ? SCRATCH_BYTES : MAX_JOINED_BYTES
    if (ended.length + length <= limit) this.#writeJoined(socket, ended, { pieces, length, writesThrough })
    else writePieces(socket, ended, pieces)
  }

  #writeJoined(socket: Socket, head: string, { pieces, length, writesThrough }: JoinedBody): void {
    const size = head.length + length
    const fill = (joined: Buffer): void => {
      let end = joined.write(head, 'latin1')
      for (const piece of pieces) {
        joined.set(piece, end)
        end += piece.byteLength
      }
    }
    if (writesThrough) this.#scratch.write(socket, size, fill)
    else {
      const joined = Buffer.allocUnsafe(size)
      fill(joined)
      socket.write(joined)
    }
  }
}

interface JoinedBody {
  readonly pieces: readonly Uint8Array[]
  readonly length: number
  readonly writesThrough: boolean
}

function endHead(head: string, length: number): string {
  return `${head}content-length: ${length}\r\n\r\n`
}

function writeText(socket: Socket, head: string, body: string): void {
  const length = Buffer.byteLength(body)
  const ended = endHead(head, length)
  // As many bytes as characters: the text is ASCII, and one encoding serves head and body.
  if (length <= MAX_JOINED_BYTES && length === body.length) {
    socket.write(ended + body, 'latin1')
    return
  }
  socket.cork()
  socket.write(ended, 'latin1')
  socket.write(body, 'utf8')
  socket.uncork()
}

function writePieces(socket: Socket, head: string, pieces: readonly Uint8Array[]): void {
  socket.cork()
  socket.write(head, 'latin1')
  for (const piece of pieces) socket.write(piece)
  socket.uncork()
}
