/** Sends what an operation answered: a value, bytes, typed events, or a stream to relay. */
import type { Reply } from '@llama-stack/api'
import { dialectOf } from './event-dialect.ts'
import { openEventStream } from './event-stream.ts'
import type { Exchange } from './exchange.ts'
import type { ReplyMessage } from './http-message.ts'
import { relayStream } from './relay-stream.ts'
import type { RelayOptions } from './relay-stream.ts'

type EventsReply = Extract<Reply<unknown, unknown>, { kind: 'events' }>

/** Sends a reply. Resolves when it is sent or, for a relayed stream, as soon as it flows. */
export async function writeReply(
  exchange: Exchange,
  reply: Reply<unknown, unknown>,
  options: RelayOptions,
): Promise<void> {
  const { request, response } = exchange
  // The client left, or the server gave up on the call and has answered it already.
  const late = exchange.signal.aborted || response.headersSent
  switch (reply.kind) {
    case 'value':
      if (!late) writeValue(exchange, reply.value, reply.headers)
      return
    case 'bytes':
      if (!late) writeWhole(exchange, reply.bytes, { 'content-type': reply.contentType, ...reply.headers })
      return
    case 'events':
      if (late) await reply.events[Symbol.asyncIterator]().return?.()
      else await writeEvents(exchange, reply, options)
      return
    case 'stream':
      if (late) reply.stream.cancel()
      else if (request.method === 'HEAD') {
        reply.stream.cancel()
        writeWhole(exchange, '', { 'content-type': reply.contentType })
      } else relayStream(exchange, reply, options)
  }
}

function writeValue(exchange: Exchange, value: unknown, headers: Readonly<Record<string, string>> | undefined): void {
  if (value === undefined || exchange.bound?.route.status === 204) {
    exchange.response.writeHead(204, { ...exchange.headers, ...headers }).end()
    return
  }
  writeWhole(exchange, JSON.stringify(value), { 'content-type': 'application/json', ...headers })
}

function writeWhole(exchange: Exchange, body: Uint8Array | string, headers: Readonly<Record<string, string>>): void {
  exchange.markFirstByte()
  // The exchange's own headers go out with this reply and nothing else.
  const all = Object.assign(exchange.headers, headers)
  all['content-length'] = String(Buffer.byteLength(body))
  exchange.response.writeHead(exchange.bound?.route.status ?? 200, all).end(body)
}

async function writeEvents(exchange: Exchange, reply: EventsReply, options: RelayOptions): Promise<void> {
  const { response, signal } = exchange
  const iterator = reply.events[Symbol.asyncIterator]()
  exchange.cancelSource = () => {
    // Whatever the source says about being closed, nobody is left to hear it.
    iterator.return?.().catch(() => undefined)
  }
  const out = openEventStream(exchange, options.ticker, reply.headers)
  const dialect = dialectOf(exchange.bound?.route)
  response.flushHeaders()
  try {
    for (;;) {
      const step = await iterator.next()
      if (signal.aborted) return
      if (step.done === true) return out.end(dialect.last)
      exchange.markFirstByte()
      if (!out.write(dialect.frame(step.value))) await drained(response)
    }
  } catch (error) {
    if (signal.aborted) return
    out.fail(error)
    options.onLateFailure(error)
  }
}

function drained(response: ReplyMessage): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done).off('close', done)
      resolve()
    }
    response.on('drain', done).on('close', done)
  })
}
