/** Errors in OpenAI's wire shape. */
import { isStackError, StackError } from '@llama-stack/api'
import { toAttemptsText } from '../kernel/header-text.ts'
import { stackHeaders } from '../kernel/stack-headers.ts'

/** The body of every error reply: always these four keys. */
interface ErrorEnvelope {
  readonly error: {
    readonly message: string
    readonly type: string
    readonly param: string | null
    readonly code: string
  }
}

/** An error reply. */
export interface RenderedError {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body: ErrorEnvelope
}

/** The statuses that the OpenAI SDKs retry unless they are told not to. */
const isRetriedByClients = (status: number): boolean =>
  status === 408 || status === 409 || status === 429 || status >= 500

/** What a client is told about an error. Anything that is no {@link StackError} is our own mistake, without details. */
export function renderError(thrown: unknown): RenderedError {
  const error = isStackError(thrown) ? thrown : new StackError('internal_error', {})
  const details: VendorDetails = error.details
  // A vendor's status may be anything; what is not an error status would turn the failure into a success.
  const status = error.status >= 400 && error.status <= 599 ? error.status : 502
  const headers: Record<string, string> = {}
  if (details.retryAfterMs !== undefined) headers['retry-after'] = String(Math.ceil(details.retryAfterMs / 1000))
  if (error.attempts !== undefined) headers[stackHeaders.attempts] = toAttemptsText(error.attempts)
  if (!error.retryable && isRetriedByClients(status)) headers['x-should-retry'] = 'false'
  if (status === 401 && !error.code.startsWith('provider_')) headers['www-authenticate'] = 'Bearer'
  if (isStackError<'method_not_allowed'>(error, 'method_not_allowed')) headers['allow'] = error.details.allowed
  return {
    status,
    headers,
    body: {
      error: {
        message: error.message,
        type: details.vendorType ?? error.type,
        param: details.vendorParam ?? error.param ?? null,
        code: details.vendorCode ?? error.code,
      },
    },
  }
}

/** The parts of a provider failure that pass through to the client. */
interface VendorDetails {
  readonly vendorCode?: string | null
  readonly vendorType?: string
  readonly vendorParam?: string | null
  readonly retryAfterMs?: number
}
