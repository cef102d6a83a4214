/** A stream that is collected on its way to the client. */
import type { ByteSink, ByteStream, StackError } from '@llama-stack/api'

export interface KeptStreamOptions {
  /** A longer stream passes and is not collected. */
  readonly maxBytes: number
  /** Gets the bytes of a stream that ended well, before the client hears of the end. */
  readonly onEnd: (bytes: Uint8Array) => void
}

export class KeptStream implements ByteStream, ByteSink {
  readonly #source: ByteStream
  readonly #options: KeptStreamOptions
  #sink: ByteSink | undefined
  /** Undefined once there is too much. */
  #chunks: Uint8Array[] | undefined = []
  #size = 0

  constructor(source: ByteStream, options: KeptStreamOptions) {
    this.#source = source
    this.#options = options
  }

  pipe(sink: ByteSink): void {
    this.#sink = sink
    this.#source.pipe(this)
  }

  pause(): void {
    this.#source.pause()
  }

  resume(): void {
    this.#source.resume()
  }

  cancel(): void {
    this.#chunks = undefined
    this.#source.cancel()
  }

  data(chunk: Uint8Array): void {
    this.#size += chunk.byteLength
    if (this.#size > this.#options.maxBytes) this.#chunks = undefined
    this.#chunks?.push(chunk)
    this.#sink?.data(chunk)
  }

  end(): void {
    if (this.#chunks !== undefined) this.#options.onEnd(Buffer.concat(this.#chunks, this.#size))
    this.#sink?.end()
  }

  fail(error: StackError): void {
    this.#chunks = undefined
    this.#sink?.fail(error)
  }
}
