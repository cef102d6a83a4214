/** An open event stream towards a client: its head, its silence, its end. */
import { createChunkWriter } from './chunk-writer.ts'
import { dialectOf } from './event-dialect.ts'
import type { Exchange } from './exchange.ts'
import type { KeepAliveTicker, QuietStream } from './keep-alive-ticker.ts'

export const EVENT_STREAM = 'text/event-stream'

/** The writing end of a streamed reply. */
export interface ReplyStream {
  /** Returns false when the client reads too slowly: wait for `drain`. */
  write(chunk: Uint8Array | string): boolean
  /** The same for bytes that are the characters of a text (Latin-1). */
  writeText(text: string): boolean
  end(last?: string): void
  /** Ends with the error, in whatever way the body allows. */
  fail(error: unknown): void
}

const SSE_HEADERS: Readonly<Record<string, string>> = Object.freeze({
  'content-type': EVENT_STREAM,
  'cache-control': 'no-cache',
  // nginx and its kin would collect the stream otherwise.
  'x-accel-buffering': 'no',
})

const KEEP_ALIVE = ': keep-alive\n\n'

/** Sends the head of an event stream; what is written afterwards follows at once, without waiting for more. */
export function openEventStream(
  exchange: Exchange,
  ticker: KeepAliveTicker,
  headers: Readonly<Record<string, string>> = {},
): ReplyStream {
  const { response } = exchange
  let lastChunk: Uint8Array | string = '\n\n'
  let chunkBefore: Uint8Array | string = ''
  let ended = false
  const quiet: QuietStream = {
    quietTicks: 0,
    place: undefined,
    breakSilence() {
      // A comment within an event that is still arriving would tear it apart.
      if (!ended && !response.writableNeedDrain && endsEvent(lastChunk)) response.write(KEEP_ALIVE)
    },
  }
  const finish = (last: string): void => {
    if (ended) return
    ended = true
    ticker.delete(quiet)
    if (!exchange.over) response.end(last)
  }
  const fail = (error: unknown): void => {
    exchange.error = error
    // What was cut off is closed first, so that the error is an event of its own.
    const dialect = dialectOf(exchange.bound?.route)
    const failure = dialect.failure(error, toText(chunkBefore) + toText(lastChunk))
    finish(`${endsEvent(lastChunk) ? '' : '\n\n'}${failure}`)
  }
  response.writeHead(200, { ...exchange.headers, ...SSE_HEADERS, ...headers })
  response.once('close', () => {
    ended = true
    ticker.delete(quiet)
  })
  ticker.add(quiet)
  exchange.failStream = fail
  const writer = createChunkWriter(response)
  return {
    write(chunk) {
      if (ended) return true
      quiet.quietTicks = 0
      chunkBefore = lastChunk
      lastChunk = chunk.length < TAIL_BYTES ? joinTail(lastChunk, chunk) : chunk
      return writer.write(chunk)
    },
    writeText(text) {
      if (ended) return true
      quiet.quietTicks = 0
      chunkBefore = lastChunk
      lastChunk = text.length < TAIL_BYTES ? joinTail(lastChunk, text) : text
      return writer.writeText(text)
    },
    end(last = '') {
      finish(last)
    },
    fail,
  }
}

/** Enough to see the end of an event in any of its spellings: `\n\n`, `\n\r\n`. */
const TAIL_BYTES = 3

function joinTail(before: Uint8Array | string, chunk: Uint8Array | string): string {
  return tailOf(before) + tailOf(chunk)
}

function tailOf(chunk: Uint8Array | string): string {
  return typeof chunk === 'string' ? chunk.slice(-TAIL_BYTES) : toText(chunk.subarray(-TAIL_BYTES))
}

function toText(chunk: Uint8Array | string): string {
  return typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('latin1')
}

function endsEvent(chunk: Uint8Array | string): boolean {
  const tail = tailOf(chunk)
  return tail.endsWith('\n\n') || tail.endsWith('\n\r\n')
}
