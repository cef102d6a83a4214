/** What an operation gives back, and the push-mode byte stream that the hot path is made of. */
import type { StackError } from './stack-error.ts'

/** Receives a stream's bytes. Exactly one of `end` and `fail` is called, last. */
export interface ByteSink {
  data(chunk: Uint8Array): void
  /**
   * As `data`, the bytes as the characters of a text (Latin-1). A source that reads text anyway may call it instead: such
   * texts are cut, joined and written faster than byte arrays.
   */
  text?(chunk: string): void
  /** As `text`, for whole events of which one is like the other: who reads what they say need not take them apart again. */
  run?: ((run: TextRun) => void) | undefined
  end(): void
  fail(error: StackError): void
}

/** Events in a row of a stream of completions, each of which adds a text and says nothing else. */
export interface TextRun {
  /** The choice that the texts are of. */
  readonly choice: number
  /** The member of its delta: `content`, or what the vendor calls thoughts. */
  readonly member: string
  /** The texts as JSON has them between its quotes, in Latin-1. At least one. */
  readonly texts: readonly string[]
  /** The events as a text. */
  toText(): string
}

/**
 * Bytes pushed to one sink, with back-pressure. It is not a web stream and not an async iterator on purpose: both cost
 * more per chunk than the relay itself (`docs/benchmarks.md`).
 */
export interface ByteStream {
  /** Starts the flow. Called exactly once; bytes that arrived before are kept until then. */
  pipe(sink: ByteSink): void
  pause(): void
  resume(): void
  /** Gives up: the source is closed at once and the sink hears nothing more. */
  cancel(): void
}

/** Headers that an operation adds to its reply, in lower case. */
export type ReplyHeaders = Readonly<Record<string, string>>

export type Reply<Value, Event = never> =
  | { readonly kind: 'value'; readonly value: Value; readonly headers?: ReplyHeaders }
  /** Typed events; the edge frames them. The iterator's `return` is called when the client leaves. */
  | { readonly kind: 'events'; readonly events: AsyncIterable<Event>; readonly headers?: ReplyHeaders }
  /** A finished body, relayed as it is. Short ones are texts: a text leaves in one write with its head. */
  | {
      readonly kind: 'bytes'
      readonly bytes: Uint8Array | string
      readonly contentType: string
      readonly headers?: ReplyHeaders
    }
  /** A flowing body, relayed as it comes. It is already framed. */
  | {
      readonly kind: 'stream'
      readonly stream: ByteStream
      readonly contentType: string
      readonly headers?: ReplyHeaders
    }

/** Wraps a plain value. */
export function value<Value>(
  of: Value,
  headers?: ReplyHeaders,
): { kind: 'value'; value: Value; headers?: ReplyHeaders } {
  return headers === undefined ? { kind: 'value', value: of } : { kind: 'value', value: of, headers }
}
