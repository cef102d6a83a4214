/** One message of a WebSocket, as a request. */
import type { IncomingHttpHeaders } from 'node:http'
import type { RequestHead } from '../http-message.ts'

/** What the message says is the body; path and headers are those of the request that opened the WebSocket. */
export class MessageRequest implements RequestHead {
  readonly method = 'WS'
  readonly url: string
  readonly headers: IncomingHttpHeaders
  /** What the messages of one WebSocket have in common, and no others. */
  readonly connection: object
  /** Gives the body, or throws what is wrong with the message. */
  readonly read: () => object

  constructor({ url, headers, connection }: Omit<MessageRequest, 'method' | 'read'>, read: () => object) {
    this.url = url
    this.headers = headers
    this.connection = connection
    this.read = read
  }
}
