/** What can go wrong on a connection besides what the operating system reports. */

export type ConnectionFaultCode =
  | 'CONNECT_TIMEOUT'
  | 'HEADERS_TIMEOUT'
  | 'BODY_TIMEOUT'
  | 'CONNECTION_CLOSED'
  /** The bytes are not HTTP/1.1, or say two different things about where the reply ends. */
  | 'MALFORMED_REPLY'

/** The cause of a failed call, with a code beside Node's own (`ECONNRESET`, …). It is handed on, never thrown. */
export class ConnectionFault extends Error {
  override readonly name = 'ConnectionFault'
  readonly code: ConnectionFaultCode

  constructor(code: ConnectionFaultCode, message: string) {
    super(message)
    this.code = code
  }
}
