/** Sources and ends of push-mode byte streams ({@link ByteStream}). */
import { bug, StackError } from '@llama-stack/api'
import type { ByteSink, ByteStream } from '@llama-stack/api'

/**
 * Up to here bytes are written faster as a text of their characters; a longer one is copied once more within V8's heap for
 * each that looks at it or sends it.
 */
export const MAX_TEXT_BYTES = 16_384

/** A stream over bytes that are already there. They are pushed in one go at `pipe`, or chunk by chunk while paused. */
export function bytesStream(content: Uint8Array | readonly Uint8Array[]): ByteStream {
  const chunks = content instanceof Uint8Array ? [content] : content
  let sink: ByteSink | undefined
  let paused = false
  let next = 0
  const flow = (): void => {
    while (sink !== undefined && !paused) {
      const chunk = chunks[next]
      if (chunk === undefined) {
        const done = sink
        sink = undefined
        done.end()
        return
      }
      next += 1
      sink.data(chunk)
    }
  }
  return {
    pipe(to) {
      if (sink !== undefined || next > 0) bug('a byte stream is piped twice')
      sink = to
      flow()
    },
    pause() {
      paused = true
    },
    resume() {
      if (!paused) return
      paused = false
      flow()
    },
    cancel() {
      sink = undefined
    },
  }
}

/**
 * Collects a stream. Rejects with the stream's own error, or beyond `maxBytes` with `provider_bad_reply`, which names the
 * provider.
 */
export function readAll(stream: ByteStream, maxBytes: number, provider: string): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = []
    let size = 0
    stream.pipe({
      data(chunk) {
        size += chunk.byteLength
        if (size > maxBytes) {
          stream.cancel()
          reject(
            new StackError('provider_bad_reply', { provider, reason: `the reply is larger than ${maxBytes} bytes` }),
          )
          return
        }
        chunks.push(chunk)
      },
      end() {
        const only = chunks[0]
        resolve(chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, size))
      },
      fail: reject,
    })
  })
}
