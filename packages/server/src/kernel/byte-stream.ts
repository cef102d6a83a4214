/** Sources and ends of push-mode byte streams ({@link ByteStream}). */
import { bug, isStackError, StackError } from '@llama-stack/api'
import type { ByteSink, ByteStream } from '@llama-stack/api'

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

/** Turns an async iterable of bytes into a stream. For sources that are iterables by nature, not for the hot path. */
export function fromAsyncIterable(iterable: AsyncIterable<Uint8Array>, provider = 'local'): ByteStream {
  const iterator = iterable[Symbol.asyncIterator]()
  let cancelled = false
  let resumed: (() => void) | undefined
  let paused = false
  const run = async (sink: ByteSink): Promise<void> => {
    try {
      for (;;) {
        if (paused) await new Promise<void>((resolve) => (resumed = resolve))
        const step = await iterator.next()
        if (cancelled) return
        if (step.done === true) return sink.end()
        sink.data(step.value)
      }
    } catch (error) {
      if (cancelled) return
      const reason = error instanceof Error ? error.message : String(error)
      sink.fail(
        isStackError(error) ? error : new StackError('provider_stream_broken', { provider, reason }, { cause: error }),
      )
    }
  }
  return {
    pipe(sink) {
      void run(sink)
    },
    pause() {
      paused = true
    },
    resume() {
      paused = false
      resumed?.()
      resumed = undefined
    },
    cancel() {
      cancelled = true
      this.resume()
      void iterator.return?.()
    },
  }
}

/**
 * Collects a stream. Rejects with the stream's own error, or with `provider_bad_reply` beyond `maxBytes`.
 */
export function readAll(stream: ByteStream, maxBytes: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = []
    let size = 0
    stream.pipe({
      data(chunk) {
        size += chunk.byteLength
        if (size > maxBytes) {
          stream.cancel()
          reject(
            new StackError('provider_bad_reply', {
              provider: 'upstream',
              reason: `the reply is larger than ${maxBytes} bytes`,
            }),
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
