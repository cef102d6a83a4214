/** Relays a byte stream to the client: the hot path. Per chunk two calls and no allocation; nothing is parsed. */
import type { ByteStream, ReplyHeaders } from '@llama-stack/api'
import { EVENT_STREAM, openEventStream } from './event-stream.ts'
import type { ReplyStream } from './event-stream.ts'
import type { Exchange } from './exchange.ts'
import type { KeepAliveTicker } from './keep-alive-ticker.ts'

/** What to relay, and how it is announced. */
export interface RelayedReply {
  readonly stream: ByteStream
  readonly contentType: string
  readonly headers?: ReplyHeaders
}

/** What the relay needs from the edge. */
export interface RelayOptions {
  readonly ticker: KeepAliveTicker
  /** Answers a stream that failed before its first byte: a status is still possible. */
  readonly onEarlyFailure: (error: unknown) => void
  /** Told about a failure that the relay has put into the stream itself. */
  readonly onLateFailure: (error: unknown) => void
}

/** Starts the relay. It ends by itself: with the stream, with its failure, or when the client leaves. */
export function relayStream(exchange: Exchange, reply: RelayedReply, options: RelayOptions): void {
  const { response } = exchange
  const { stream } = reply
  const isEvents = reply.contentType.startsWith(EVENT_STREAM)
  let out: ReplyStream | undefined
  let untouched = true
  const open = (): ReplyStream =>
    (out ??= isEvents ? openEventStream(exchange, options.ticker, reply.headers) : openPlainStream(exchange, reply))

  exchange.cancelSource = () => stream.cancel()
  response.on('drain', () => stream.resume())
  const touch = (): ReplyStream => {
    if (untouched) {
      untouched = false
      exchange.markFirstByte()
    }
    return out ?? open()
  }
  stream.pipe({
    data(chunk) {
      if (!touch().write(chunk)) stream.pause()
    },
    text(chunk) {
      if (!touch().writeText(chunk)) stream.pause()
    },
    end() {
      open().end()
    },
    fail(error) {
      if (exchange.signal.aborted) return
      if (out === undefined) return options.onEarlyFailure(error)
      out.fail(error)
      options.onLateFailure(error)
    },
  })
  if (!isEvents || response.headersSent || exchange.signal.aborted) return
  // Nothing has come yet: the head goes alone, so that the client knows that its request was taken.
  open()
  response.flushHeaders()
}

/** A body that is no event stream: a failure in its midst can only be shown by breaking off. */
function openPlainStream(exchange: Exchange, reply: RelayedReply): ReplyStream {
  const { response } = exchange
  const fail = (error: unknown): void => {
    exchange.error = error
    response.destroy()
  }
  response.writeHead(200, { ...exchange.headers, 'content-type': reply.contentType, ...reply.headers })
  exchange.failStream = fail
  return {
    write: (chunk) => (exchange.over ? true : response.write(chunk)),
    writeText: (text) => (exchange.over ? true : response.write(Buffer.from(text, 'latin1'))),
    end(last) {
      if (!exchange.over) response.end(last)
    },
    fail,
  }
}
