/** One request on its way through a connection, and who receives its reply. */

import type { UpstreamRequest } from '@llama-stack/api'

/** The flow of a reply's bytes, as the receiver steers it. */
export interface ReplySource {
  pause(): void
  resume(): void
  /** Closes the connection at once. The receiver hears nothing more. */
  abort(): void
}

/** Receives one reply: `onHead`, any number of `onData`, then one of `onEnd` and `onError`. */
export interface ReplyReceiver {
  /** Set while the reply flows. */
  source: ReplySource | undefined
  onHead(status: number, headers: Readonly<Record<string, string>>): void
  onData(bytes: Uint8Array): void
  /** Whether the body is wanted as Latin-1 text from now on. Undefined: not known yet. */
  readonly wantsText: boolean | undefined
  onText(text: string): void
  onEnd(): void
  onError(cause: Error): void
}

export interface Exchange {
  /** The request line and all headers but the length; every line is ended. */
  readonly head: string
  /** Undefined where the method has no body, unlike an empty one. */
  readonly body: UpstreamRequest['body'] | undefined
  /** 0: no limit. */
  readonly headersTimeoutMs: number
  /** 0: no limit. */
  readonly idleTimeoutMs: number
  /** Never sent a second time, whatever became of the connection. */
  readonly once?: boolean
  readonly receiver: ReplyReceiver
}
