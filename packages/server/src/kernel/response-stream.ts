/** One reply as a promise for its head and a {@link ByteStream} for its body. */
import { isStackError, StackError } from '@llama-stack/api'
import type { ByteSink, ByteStream, UpstreamRequest, UpstreamResponse } from '@llama-stack/api'
import type { ReplyReceiver, ReplySource } from './http1/exchange.ts'
import { toTransportError } from './transport-error.ts'

/** Bytes held for a consumer that has not piped yet, before the source is paused. */
const MAX_UNCLAIMED_BYTES = 65_536

const NOTHING: readonly Uint8Array[] = Object.freeze([])

/** The receiver of a reply, the stream it feeds and the listener of the caller's signal: one object for each call. */
export class ResponseStream implements ReplyReceiver, ByteStream {
  source: ReplySource | undefined
  readonly #provider: string
  readonly #signal: AbortSignal | undefined
  readonly #resolve: (response: UpstreamResponse) => void
  readonly #reject: (error: StackError) => void
  #sink: ByteSink | undefined
  #unclaimed: Uint8Array[] | undefined
  #unclaimedBytes = 0
  #started = false
  #outcome: 'open' | 'ended' | 'cancelled' | StackError = 'open'

  constructor(
    request: UpstreamRequest,
    resolve: (response: UpstreamResponse) => void,
    reject: (error: StackError) => void,
  ) {
    this.#provider = request.provider
    this.#signal = request.signal
    this.#resolve = resolve
    this.#reject = reject
    this.#signal?.addEventListener('abort', this)
    if (this.#signal?.aborted === true) this.handleEvent()
  }

  /** False once the call is over, whatever its outcome: nothing needs to be sent then. */
  get open(): boolean {
    return this.#outcome === 'open'
  }

  onHead(status: number, headers: Readonly<Record<string, string>>): void {
    this.#started = true
    this.#resolve({ status, headers, body: this })
  }

  onData(chunk: Uint8Array): void {
    if (this.#sink !== undefined) {
      this.#sink.data(chunk)
      return
    }
    if (this.#outcome !== 'open') return
    if (this.#unclaimed === undefined) this.#unclaimed = [chunk]
    else this.#unclaimed.push(chunk)
    this.#unclaimedBytes += chunk.byteLength
    if (this.#unclaimedBytes > MAX_UNCLAIMED_BYTES) this.source?.pause()
  }

  get wantsText(): boolean {
    return this.#sink?.text !== undefined
  }

  onText(text: string): void {
    this.#sink?.text?.(text)
  }

  onEnd(): void {
    if (this.#outcome !== 'open') return
    this.#finish('ended')
    this.#sink?.end()
  }

  onError(cause: Error): void {
    if (this.#outcome !== 'open') return
    const error = toTransportError(this.#provider, cause, this.#started)
    this.#finish(error)
    if (this.#started) this.#sink?.fail(error)
    else this.#reject(error)
  }

  pipe(sink: ByteSink): void {
    this.#sink = sink
    const held = this.#unclaimed ?? NOTHING
    this.#unclaimed = undefined
    // Before the sink, which may pause it again.
    if (this.#unclaimedBytes > MAX_UNCLAIMED_BYTES) this.source?.resume()
    for (const chunk of held) if (this.#outcome !== 'cancelled') sink.data(chunk)
    if (this.#outcome === 'ended') sink.end()
    else if (isStackError(this.#outcome)) sink.fail(this.#outcome)
  }

  pause(): void {
    this.source?.pause()
  }

  resume(): void {
    this.source?.resume()
  }

  /** The caller's signal fired: unlike after `cancel`, whoever waits for the rest is told. */
  handleEvent(): void {
    if (this.#outcome !== 'open') return
    const error = new StackError('provider_stream_broken', { provider: this.#provider, reason: 'the caller left' })
    const sink = this.#sink
    this.cancel()
    this.#outcome = error
    if (this.#started) sink?.fail(error)
    else this.#reject(error)
  }

  cancel(): void {
    if (this.#outcome !== 'open') return
    this.#finish('cancelled')
    this.#sink = undefined
    this.#unclaimed = undefined
    this.source?.abort()
  }

  #finish(outcome: 'ended' | 'cancelled' | StackError): void {
    this.#outcome = outcome
    this.#signal?.removeEventListener('abort', this)
  }
}
