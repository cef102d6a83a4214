/** Translates what sockets, TLS and the parser say into the taxonomy of the error table. */
import { isStackError, StackError } from '@llama-stack/api'

const TIMEOUTS = new Set([
  'CONNECT_TIMEOUT',
  'HEADERS_TIMEOUT',
  'BODY_TIMEOUT',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
])

/** The codes of Node, and those of undici, which serves the calls through a proxy. */
const WORDS: Readonly<Record<string, string>> = Object.freeze({
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was reset',
  EPIPE: 'the connection was reset',
  ETIMEDOUT: 'connecting took too long',
  ENOTFOUND: 'the host name does not resolve',
  EAI_AGAIN: 'the host name cannot be resolved now',
  EHOSTUNREACH: 'there is no route to the host',
  ENETUNREACH: 'there is no route to the network',
  CONNECTION_CLOSED: 'the other side closed the connection',
  UND_ERR_SOCKET: 'the other side closed the connection',
  UND_ERR_CONNECT_TIMEOUT: 'connecting took too long',
  UND_ERR_HEADERS_TIMEOUT: 'no reply came in time',
  UND_ERR_BODY_TIMEOUT: 'the reply fell silent',
})

/** The error for a call that failed below HTTP. `started`: the head of the reply had been received. */
export function toTransportError(provider: string, cause: Error, started: boolean): StackError {
  const inner = findStackError(cause)
  if (inner !== undefined) return inner
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
  const reason = WORDS[code] ?? (cause.message === '' ? code : cause.message)
  if (TIMEOUTS.has(code)) return new StackError('provider_timeout', { provider, reason }, { cause })
  if (started) return new StackError('provider_stream_broken', { provider, reason }, { cause })
  if (code === 'MALFORMED_REPLY') return new StackError('provider_bad_reply', { provider, reason }, { cause })
  return new StackError('provider_unreachable', { provider, reason }, { cause })
}

function findStackError(error: unknown): StackError | undefined {
  if (isStackError(error)) return error
  return error instanceof Error && error.cause !== undefined ? findStackError(error.cause) : undefined
}
