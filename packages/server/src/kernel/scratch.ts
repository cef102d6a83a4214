/** Memory in which messages are put together that the kernel takes at once, so that they need none of their own. */
import type { Socket } from 'node:net'

/** Room for the largest of them. */
export const SCRATCH_BYTES = 65_536

/** One serves all sockets of its owner, which write one after the other; not those of TLS, which keep what they are given. */
export class Scratch {
  #bytes: Buffer | undefined

  /** Writes the `size` bytes that `fill` has put at the beginning. Returns whether the socket has room for more. */
  write(socket: Socket, size: number, fill: (bytes: Buffer) => void): boolean {
    const bytes =
      size > SCRATCH_BYTES ? Buffer.allocUnsafe(size) : (this.#bytes ??= Buffer.allocUnsafeSlow(SCRATCH_BYTES))
    fill(bytes)
    const hasRoom = socket.write(bytes.subarray(0, size))
    // The socket is not connected yet, or the kernel has no room: it still needs what it was given.
    if (socket.writableLength > 0) this.#bytes = undefined
    return hasRoom
  }
}
