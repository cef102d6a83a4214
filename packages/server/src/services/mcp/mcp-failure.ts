/** Translates what the SDK, the transport and the servers themselves say into the error table. */
import { isStackError, StackError } from '@llama-stack/api'
import type { McpTarget } from './mcp-target.ts'

/** What was going on when it failed. */
export interface McpAttempt {
  readonly target: Pick<McpTarget, 'label' | 'credentials' | 'connectorId'>
  /** `calling its tool 'add'`. */
  readonly doing: string
  readonly timeoutMs: number
}

/** Longer words of a server are cut where they become part of a sentence. */
const MAX_REASON_LENGTH = 300

/** Codes of sockets that never were: the request cannot have arrived. */
const NEVER_CONNECTED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'CONNECT_TIMEOUT',
])

/** The error for a failed attempt. What already is one of ours stays, unless it speaks of providers. */
export function toMcpError(error: unknown, attempt: McpAttempt): StackError {
  const { target, doing, timeoutMs } = attempt
  const server = target.label
  const cause = { cause: error }
  const inner = findStackError(error)
  if (inner !== undefined) return toServerError(inner, attempt)
  const status = findHttpStatus(error)
  if (status === 401 || status === 403 || isUnauthorized(error)) return toAuthenticationError(attempt, status)
  if (status !== undefined) {
    return new StackError('mcp_server_unreachable', { server, reason: `it answers with HTTP ${status}` }, cause)
  }
  const code = codeOf(error)
  if (code === 'REQUEST_TIMEOUT') return new StackError('mcp_server_timeout', { server, doing, timeoutMs }, cause)
  const reason = toReason(error instanceof Error ? error.message : String(error), attempt)
  const isOffline = typeof code === 'string' && (OFFLINE.has(code) || /^E[A-Z]+$/.test(code))
  if (isOffline || hasName(error, 'SseError'))
    return new StackError('mcp_server_unreachable', { server, reason }, cause)
  return new StackError('mcp_bad_reply', { server, reason }, cause)
}

/** Of the SDK, where there is no connection (any more). */
const OFFLINE = new Set(['CONNECTION_CLOSED', 'NOT_CONNECTED', 'SEND_FAILED', 'ERA_NEGOTIATION_FAILED'])

function toServerError(inner: StackError, { target, doing, timeoutMs }: McpAttempt): StackError {
  const server = target.label
  const options = { cause: inner }
  if (isStackError(inner, 'provider_timeout')) {
    return new StackError('mcp_server_timeout', { server, doing, timeoutMs }, options)
  }
  if (isStackError(inner, 'provider_unreachable') || isStackError(inner, 'provider_stream_broken')) {
    return new StackError('mcp_server_unreachable', { server, reason: inner.details.reason }, options)
  }
  if (isStackError(inner, 'provider_bad_reply')) {
    return new StackError('mcp_bad_reply', { server, reason: inner.details.reason }, options)
  }
  return inner
}

function toAuthenticationError({ target }: McpAttempt, status: number | undefined): StackError {
  const { label, credentials, connectorId } = target
  const login = connectorId === undefined ? '' : `/v1beta/connectors/${encodeURIComponent(connectorId)}/authorize`
  const fix =
    credentials.oauth?.auth.type === 'authorization_code'
      ? `Log in: GET ${login} returns the address to open.`
      : credentials.oauth !== undefined
        ? 'Check the client id and the secret of the connector.'
        : status === 403
          ? 'Use a credential that has the right to do this.'
          : 'Send a valid token as authorization of the tool.'
  return new StackError('mcp_server_authentication', { server: label, credential: credentials.kind, fix })
}

/** Whether the server cannot have received the request. */
export function neverArrived(error: unknown): boolean {
  if (codeOf(error) === 'NOT_CONNECTED' || (error instanceof Error && error.message === 'Not connected')) return true
  const found = findStackError(error)
  return found !== undefined && NEVER_CONNECTED.has(String(codeOf(found.cause)))
}

/** Whether the server refused the request because it does not know the session (any more). */
export function isSessionLost(error: unknown): boolean {
  return findHttpStatus(error) === 404
}

/** The words of a server, short, on one line, without the credentials that it may repeat. */
function toReason(words: string, attempt: Pick<McpAttempt, 'target'>): string {
  const line = withoutSecrets(words, attempt).replace(/\s+/g, ' ').trim()
  return line.length <= MAX_REASON_LENGTH ? line : `${line.slice(0, MAX_REASON_LENGTH)}…`
}

/** The words of a server without the credentials that it may repeat. */
export function withoutSecrets(words: string, { target }: Pick<McpAttempt, 'target'>): string {
  let text = words
  for (const value of Object.values(target.credentials.headers)) {
    const secret = value.replace(/^\S+ /, '')
    if (secret.length >= MIN_SECRET_LENGTH) text = text.replaceAll(secret, '********')
  }
  return text
}

/** Shorter values are part of ordinary words. */
const MIN_SECRET_LENGTH = 6

/**
 * Whether the server stumbled over the question which version it speaks, rather than over the connection: older servers may
 * answer it with anything.
 */
export function isStumble(error: unknown): boolean {
  return codeOf(error) === 'ERA_NEGOTIATION_FAILED' && findStackError(error) === undefined
}

/** Whether a program took that question amiss: it ended, or refused the greeting that came after it. */
export function isOffended(error: unknown): boolean {
  return isStumble(error) || codeOf(error) === 'CONNECTION_CLOSED' || isRefusal(error)
}

function findStackError(error: unknown): StackError | undefined {
  if (isStackError(error)) return error
  return error instanceof Error && error.cause !== undefined ? findStackError(error.cause) : undefined
}

/** The status of the reply that an error of the SDK tells of. Its transport for events has it in the message only. */
export function findHttpStatus(error: unknown): number | undefined {
  // What a server answers is its own: its words may speak of other servers' statuses.
  if (!(error instanceof Error) || isRefusal(error)) return undefined
  if ('status' in error && typeof error.status === 'number') return error.status
  if (hasName(error, 'SseError') && 'code' in error && typeof error.code === 'number') return error.code
  const told = /\(HTTP (\d{3})\)/.exec(error.message)?.[1]
  if (told !== undefined) return Number(told)
  return error.cause === undefined ? undefined : findHttpStatus(error.cause)
}

function isUnauthorized(error: unknown): boolean {
  return hasName(error, 'UnauthorizedError') || hasName(error, 'InsufficientScopeError') || hasName(error, 'OAuthError')
}

/** Errors of the SDK are known by name: it may be installed twice. */
function hasName(error: unknown, name: string): boolean {
  return error instanceof Error && (error.name === name || error.constructor.name === name)
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

/** With which a server asks for input before it goes on: of no use here, where nobody gives any. */
const NEEDS_INPUT = 'the tool asks for input from a person, and there is nobody here to give it'
const NEEDS_INPUT_CODE = -32_042

/** An error with which a server answered a request, rather than failing to answer it. */
export function findRefusal(error: unknown): { readonly code: number; readonly message: string } | undefined {
  if (codeOf(error) === 'UNSUPPORTED_RESULT_TYPE') return { code: NEEDS_INPUT_CODE, message: NEEDS_INPUT }
  return isRefusal(error) ? { code: error.code, message: error.message } : undefined
}

function isRefusal(error: unknown): error is Error & { readonly code: number } {
  return typeof codeOf(error) === 'number' && !hasName(error, 'SseError')
}
