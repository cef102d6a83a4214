/** Puts a request on its socket with as few writes as its size allows. */
import type { Socket } from 'node:net'
import type { Exchange } from './exchange.ts'

/** Beyond this, joining head and body costs more than telling the kernel about two pieces. */
const MAX_JOINED_BYTES = 16_384

/** Writes head and body in one system call. The body must not change before the reply has come. */
export function writeRequest(socket: Socket, { head, body }: Exchange): void {
  if (body === undefined) {
    socket.write(`${head}\r\n`, 'latin1')
    return
  }
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength
  const ended = `${head}content-length: ${length}\r\n\r\n`
  if (length <= MAX_JOINED_BYTES) {
    if (typeof body !== 'string') {
      const joined = Buffer.allocUnsafe(ended.length + length)
      joined.write(ended, 'latin1')
      joined.set(body, ended.length)
      socket.write(joined)
      return
    }
    // As many bytes as characters: the text is ASCII, and one encoding serves head and body.
    if (length === body.length) {
      socket.write(ended + body, 'latin1')
      return
    }
  }
  socket.cork()
  socket.write(ended, 'latin1')
  if (typeof body === 'string') socket.write(body, 'utf8')
  else socket.write(body)
  socket.uncork()
}
