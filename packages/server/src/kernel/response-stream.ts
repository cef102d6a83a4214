/** One reply of undici's dispatcher as a promise for its head and a {@link ByteStream} for its body. */
import { isStackError, StackError } from '@llama-stack/api'
import type { ByteSink, ByteStream, UpstreamRequest, UpstreamResponse } from '@llama-stack/api'
import type { Dispatcher } from 'undici'

/** Bytes held for a consumer that has not piped yet, before the socket is paused. */
const MAX_UNCLAIMED_BYTES = 65_536

export interface ResponseHandlers {
  readonly request: UpstreamRequest
  readonly resolve: (response: UpstreamResponse) => void
  readonly reject: (error: StackError) => void
  /** Called once, when the connection is free again or gone. */
  readonly finished: () => void
}

/** The dispatcher's callbacks and the stream they feed are one object: one allocation for each call. */
export class ResponseStream implements Dispatcher.DispatchHandler, ByteStream {
  readonly #handlers: ResponseHandlers
  #controller: Dispatcher.DispatchController | undefined
  #sink: ByteSink | undefined
  #unclaimed: Uint8Array[] = []
  #unclaimedBytes = 0
  #started = false
  #outcome: 'open' | 'ended' | 'cancelled' | StackError = 'open'

  constructor(handlers: ResponseHandlers) {
    this.#handlers = handlers
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#outcome === 'cancelled') controller.abort(new Error('cancelled'))
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    // 1xx replies announce the real one.
    if (status < 200) return
    this.#started = true
    this.#handlers.resolve({ status, headers: toFlatHeaders(headers), body: this })
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    if (this.#sink !== undefined) {
      this.#sink.data(chunk)
      return
    }
    if (this.#outcome !== 'open') return
    this.#unclaimed.push(chunk)
    this.#unclaimedBytes += chunk.byteLength
    if (this.#unclaimedBytes > MAX_UNCLAIMED_BYTES) controller.pause()
  }

  onResponseEnd(): void {
    this.#handlers.finished()
    if (this.#outcome !== 'open') return
    this.#outcome = 'ended'
    this.#sink?.end()
  }

  onResponseError(_controller: Dispatcher.DispatchController, cause: Error): void {
    this.#handlers.finished()
    if (this.#outcome !== 'open') {
      if (!this.#started) this.#handlers.reject(toTransportError(this.#handlers.request.provider, cause, false))
      return
    }
    const error = toTransportError(this.#handlers.request.provider, cause, this.#started)
    this.#outcome = error
    if (!this.#started) this.#handlers.reject(error)
    else this.#sink?.fail(error)
  }

  pipe(sink: ByteSink): void {
    this.#sink = sink
    const held = this.#unclaimed
    this.#unclaimed = []
    for (const chunk of held) sink.data(chunk)
    if (this.#unclaimedBytes > MAX_UNCLAIMED_BYTES) this.#controller?.resume()
    if (this.#outcome === 'ended') sink.end()
    else if (isStackError(this.#outcome)) sink.fail(this.#outcome)
  }

  pause(): void {
    this.#controller?.pause()
  }

  resume(): void {
    this.#controller?.resume()
  }

  /** The caller's signal fired: unlike after `cancel`, whoever waits for the rest is told. */
  abort(): void {
    if (this.#outcome !== 'open') return
    const { provider } = this.#handlers.request
    const error = new StackError('provider_stream_broken', { provider, reason: 'the caller left' })
    const sink = this.#sink
    this.cancel()
    if (!this.#started) this.#handlers.reject(error)
    else sink?.fail(error)
  }

  cancel(): void {
    if (this.#outcome !== 'open') return
    this.#outcome = 'cancelled'
    this.#sink = undefined
    this.#unclaimed = []
    this.#controller?.abort(new Error('cancelled'))
  }
}

function toFlatHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  for (const name in headers) {
    const of = headers[name]
    if (Array.isArray(of)) headers[name] = of.join(', ')
  }
  // Every array was joined above, and undici leaves no name without a value.
  return headers as Record<string, string>
}

const TIMEOUTS = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT'])

/** Translates what the socket or the parser says into the taxonomy. */
export function toTransportError(provider: string, cause: Error, started: boolean): StackError {
  const inner = findStackError(cause)
  if (inner !== undefined) return inner
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
  const reason = describeTransportError(cause, code)
  if (TIMEOUTS.has(code)) return new StackError('provider_timeout', { provider, reason }, { cause })
  if (started) return new StackError('provider_stream_broken', { provider, reason }, { cause })
  return new StackError('provider_unreachable', { provider, reason }, { cause })
}

function findStackError(error: unknown): StackError | undefined {
  if (isStackError(error)) return error
  return error instanceof Error && error.cause !== undefined ? findStackError(error.cause) : undefined
}

const WORDS: Readonly<Record<string, string>> = Object.freeze({
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was reset',
  ENOTFOUND: 'the host name does not resolve',
  EAI_AGAIN: 'the host name cannot be resolved now',
  UND_ERR_SOCKET: 'the other side closed the connection',
  UND_ERR_CONNECT_TIMEOUT: 'connecting took too long',
  UND_ERR_HEADERS_TIMEOUT: 'no reply came in time',
  UND_ERR_BODY_TIMEOUT: 'the reply fell silent',
})

function describeTransportError(cause: Error, code: string): string {
  return WORDS[code] ?? (cause.message === '' ? code : cause.message)
}
