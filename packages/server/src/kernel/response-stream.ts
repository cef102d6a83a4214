/** One reply as a promise for its head and a {@link ByteStream} for its body. */
import { isStackError, StackError } from '@llama-stack/api'
import type { ByteSink, ByteStream, UpstreamRequest, UpstreamResponse } from '@llama-stack/api'
import type { ReplyReceiver, ReplySource } from './http1/exchange.ts'
import { toTransportError } from './transport-error.ts'

/** Bytes held for a consumer that has not piped yet, before the source is paused. */
const MAX_UNCLAIMED_BYTES = 65_536

/** What a connection has read: bytes, or a text whose characters they are. */
type Piece = Uint8Array | string

const NOTHING: readonly Piece[] = Object.freeze([])

/** The receiver of a reply, the stream it feeds and the listener of the caller's signal: one object for each call. */
export class ResponseStream implements ReplyReceiver, ByteStream {
  source: ReplySource | undefined
  readonly #provider: string
  readonly #signal: AbortSignal | undefined
  readonly #resolve: (response: UpstreamResponse) => void
  readonly #reject: (error: StackError) => void
  #sink: ByteSink | undefined
  #unclaimed: Piece[] | undefined
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
    if (this.#sink === undefined) this.#hold(chunk)
    else this.#sink.data(chunk)
  }

  get wantsText(): boolean | undefined {
    return this.#sink === undefined ? undefined : this.#sink.text !== undefined
  }

  onText(text: string): void {
    if (this.#sink === undefined) this.#hold(text)
    else give(this.#sink, text)
  }

  #hold(piece: Piece): void {
    if (this.#outcome !== 'open') return
    if (this.#unclaimed === undefined) this.#unclaimed = [piece]
    else this.#unclaimed.push(piece)
    this.#unclaimedBytes += piece.length
    if (this.#unclaimedBytes > MAX_UNCLAIMED_BYTES) this.source?.pause()
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
    for (const piece of held) if (this.#outcome !== 'cancelled') give(sink, piece)
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

function give(sink: ByteSink, piece: Piece): void {
  if (typeof piece !== 'string') sink.data(piece)
  else if (sink.text === undefined) sink.data(Buffer.from(piece, 'latin1'))
  else sink.text(piece)
}
