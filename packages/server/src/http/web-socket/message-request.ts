/** One message of a WebSocket, as a request. */
import type { IncomingHttpHeaders } from 'node:http'
import type { RequestHead } from '../http-message.ts'

/** What the message says is the body; path and headers are those of the request that opened the WebSocket. */
export class MessageRequest implements RequestHead {
  readonly method = 'WS'
  readonly url: string
  readonly headers: IncomingHttpHeaders
  /** Gives the body, or throws what is wrong with the message. */
  readonly read: () => object

  constructor({ url, headers }: Pick<MessageRequest, 'url' | 'headers'>, read: () => object) {
    this.url = url
    this.headers = headers
    this.read = read
  }
}
