/** The parts of Node's HTTP messages that the pipeline uses. Node's own objects have them, and so have those of the fast lane. */
import type { IncomingHttpHeaders } from 'node:http'

/** The head of a request. */
export interface RequestHead {
  readonly method?: string | undefined
  readonly url?: string | undefined
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders
}

/** The events of a reply: it is over, or there is room for more. */
type ReplyEvent = 'close' | 'drain'

/** A reply on its way to the client. */
export interface ReplyMessage {
  readonly headersSent: boolean
  readonly writableEnded: boolean
  readonly writableNeedDrain: boolean
  readonly statusCode: number
  writeHead(status: number, headers: Record<string, string>): this
  flushHeaders(): void
  /** Returns false when the client reads too slowly: `drain` tells when it may go on. */
  write(chunk: Uint8Array | string): boolean
  /** The same for bytes that are the characters of a text (Latin-1). Node's own replies have no such thing. */
  writeText?(text: string): boolean
  end(chunk?: Uint8Array | string): unknown
  /** Breaks the connection off. */
  destroy(): unknown
  on(event: ReplyEvent, listener: () => void): this
  once(event: ReplyEvent, listener: () => void): this
  off(event: ReplyEvent, listener: () => void): this
}
