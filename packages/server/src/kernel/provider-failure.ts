/** Translates a vendor's HTTP failure into the taxonomy of the error table, once, for every provider. */
import { StackError } from '@llama-stack/api'
import type { ProviderFailure } from '@llama-stack/api'
import { asRecord } from './json-record.ts'

type FailureCode =
  | 'provider_rate_limited'
  | 'provider_quota_exceeded'
  | 'provider_authentication'
  | 'provider_content_policy'
  | 'provider_invalid_request'
  | 'provider_internal'
  | 'provider_timeout'

const MAX_REASON_CHARACTERS = 2000

/**
 * Builds the error for a reply with a status of 400 or more. The vendor's own message, code, type and param travel on,
 * so that a client of OpenAI's API can branch on them as if it called the vendor.
 */
export function toProviderError(
  provider: string,
  reply: { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly bodyText: string },
): StackError {
  const said = readVendorError(reply.bodyText)
  const failure: ProviderFailure = {
    provider,
    status: reply.status,
    reason: (said.message ?? `HTTP ${reply.status}`).slice(0, MAX_REASON_CHARACTERS),
  }
  if (said.code !== undefined) failure.vendorCode = said.code
  if (said.type !== undefined) failure.vendorType = said.type
  if (said.param !== undefined) failure.vendorParam = said.param
  const retryAfterMs = parseRetryAfter(reply.headers)
  if (retryAfterMs !== undefined) failure.retryAfterMs = retryAfterMs
  return new StackError(classify(reply.status, said), failure)
}

interface VendorError {
  message?: string
  code?: string
  type?: string
  param?: string
}

/**
 * Reads `{"error": {…}}`, `{"errors": [{…}]}`, `{"error": "…"}`, `{"message": "…"}`, `{"detail": …}` and IBM's
 * `{"errorMessage": "…"}`; anything else is quoted as text.
 */
function readVendorError(bodyText: string): VendorError {
  let body: unknown
  try {
    body = JSON.parse(bodyText)
  } catch {
    const text = bodyText.trim()
    // An HTML page of a proxy says nothing that helps; its text would only fill the log.
    return text === '' || text.startsWith('<') ? {} : { message: text }
  }
  if (typeof body === 'string') return { message: body }
  const outer = asRecord(Array.isArray(body) ? body[0] : body)
  const error = outer['error']
  if (typeof error === 'string') {
    // OAuth: a code, and the words beside it (RFC 6749, section 5.2).
    const words = outer['error_description']
    return typeof words === 'string' ? { message: words, code: error } : { message: error }
  }
  const errors: unknown = outer['errors']
  const inner = asRecord(error ?? (Array.isArray(errors) ? errors[0] : outer))
  const found: VendorError = {}
  const message = inner['message'] ?? inner['detail'] ?? outer['message'] ?? outer['errorMessage']
  if (typeof message === 'string') found.message = message
  else if (message !== undefined && message !== null) found.message = JSON.stringify(message)
  const code = inner['code'] ?? outer['error_code'] ?? outer['errorCode']
  if (typeof code === 'string' || typeof code === 'number') found.code = String(code)
  if (typeof inner['type'] === 'string') found.type = inner['type']
  if (typeof inner['param'] === 'string') found.param = inner['param']
  return found
}

function classify(status: number, said: VendorError): FailureCode {
  if (status === 401 || status === 403) return 'provider_authentication'
  if (status === 408 || status === 504) return 'provider_timeout'
  if (said.code === 'insufficient_quota' || said.type === 'insufficient_quota' || status === 402)
    return 'provider_quota_exceeded'
  if (status === 429) return 'provider_rate_limited'
  if (said.code === 'content_policy_violation' || said.code === 'content_filter') return 'provider_content_policy'
  return status >= 500 ? 'provider_internal' : 'provider_invalid_request'
}

/** `retry-after-ms`, else `retry-after` in seconds or as a date (RFC 9110, section 10.2.3). */
function parseRetryAfter(headers: Readonly<Record<string, string>>): number | undefined {
  const inMs = Number(headers['retry-after-ms'] ?? Number.NaN)
  if (Number.isFinite(inMs) && inMs >= 0) return inMs
  const header = headers['retry-after']
  if (header === undefined) return undefined
  const seconds = Number(header)
  if (Number.isFinite(seconds)) return seconds >= 0 ? seconds * 1000 : undefined
  const date = Date.parse(header)
  const sent = Date.parse(headers['date'] ?? '')
  return Number.isNaN(date) || Number.isNaN(sent) ? undefined : Math.max(0, date - sent)
}
