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
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed; to trust it, give its file as network.tls.verify',
  SELF_SIGNED_CERT_IN_CHAIN:
    'its certificate is of an unknown authority; to trust that, give its file as network.tls.verify',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    'its certificate is of an unknown authority; to trust that, give its file as network.tls.verify',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'its certificate comes without those of its authority; give them in one file as network.tls.verify',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet; compare the clocks',
})

/** The error for a call that failed below HTTP. `started`: the head of the reply had been received. */
export function toTransportError(provider: string, cause: Error, started: boolean): StackError {
  const inner = findStackError(cause)
  if (inner !== undefined) return inner
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
  const reason = WORDS[code] ?? findTlsReason(code, cause) ?? (cause.message === '' ? code : cause.message)
  if (TIMEOUTS.has(code)) return new StackError('provider_timeout', { provider, reason }, { cause })
  if (started) return new StackError('provider_stream_broken', { provider, reason }, { cause })
  if (code === 'MALFORMED_REPLY') return new StackError('provider_bad_reply', { provider, reason }, { cause })
  return new StackError('provider_unreachable', { provider, reason }, { cause })
}

/** What OpenSSL says, without its file names and numbers. */
function findTlsReason(code: string, cause: Error): string | undefined {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const host = 'host' in cause && typeof cause.host === 'string' ? ` ('${cause.host}')` : ''
    return `its certificate is for another name than the one in the URL${host}`
  }
  if (!('reason' in cause) || typeof cause.reason !== 'string') return undefined
  if (code !== 'EPROTO' && !code.startsWith('ERR_SSL_')) return undefined
  const hint = PLAIN_TEXT_REASONS.has(cause.reason) ? ': it may not speak TLS there; try http://' : ''
  return `TLS failed, ${cause.reason}${hint}`
}

/** How OpenSSL puts it that the bytes are no TLS at all. */
const PLAIN_TEXT_REASONS = new Set(['wrong version number', 'packet length too long', 'http request'])

function findStackError(error: unknown): StackError | undefined {
  if (isStackError(error)) return error
  return error instanceof Error && error.cause !== undefined ? findStackError(error.cause) : undefined
}
