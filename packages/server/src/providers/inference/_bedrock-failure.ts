/** The failures of Bedrock and of the models behind it, by the names that AWS gives them. */
import { StackError } from '@llama-stack/api'
import type { ProviderFailure, UpstreamResponse } from '@llama-stack/api'
import { readAll } from '../../kernel/byte-stream.ts'
import { asRecord } from '../../kernel/json-record.ts'
import { toProviderError } from '../../kernel/provider-failure.ts'

type FailureCode =
  | 'provider_rate_limited'
  | 'provider_quota_exceeded'
  | 'provider_authentication'
  | 'provider_timeout'
  | 'provider_internal'
  | 'provider_invalid_request'

interface FailureFacts {
  readonly code: FailureCode
  /** The client's status. Default: AWS's own; within a stream, that of the error table. */
  readonly status?: number
}

const refusedCredentials: FailureFacts = { code: 'provider_authentication' }
const failedInside: FailureFacts = { code: 'provider_internal', status: 502 }

/** "Common errors" of the service, and those of its operations `Converse`, `InvokeModel`, `Rerank`, `ListFoundationModels`. */
const failures: Readonly<Record<string, FailureFacts>> = Object.freeze({
  ThrottlingException: { code: 'provider_rate_limited' },
  TooManyRequestsException: { code: 'provider_rate_limited' },
  ServiceQuotaExceededException: { code: 'provider_quota_exceeded' },
  AccessDeniedException: { code: 'provider_authentication', status: 403 },
  UnrecognizedClientException: refusedCredentials,
  InvalidClientTokenId: refusedCredentials,
  InvalidSignatureException: refusedCredentials,
  SignatureDoesNotMatch: refusedCredentials,
  IncompleteSignatureException: refusedCredentials,
  MissingAuthenticationTokenException: refusedCredentials,
  ExpiredTokenException: refusedCredentials,
  ExpiredToken: refusedCredentials,
  RequestExpired: refusedCredentials,
  RequestTimeTooSkewed: refusedCredentials,
  ModelTimeoutException: { code: 'provider_timeout' },
  ModelNotReadyException: { code: 'provider_internal', status: 503 },
  // 424: a dependency failed. To a client it is the provider that did.
  ModelErrorException: failedInside,
  ModelStreamErrorException: failedInside,
  InternalServerException: { code: 'provider_internal', status: 500 },
  ServiceUnavailableException: { code: 'provider_internal', status: 503 },
  ValidationException: { code: 'provider_invalid_request', status: 400 },
  ResourceNotFoundException: { code: 'provider_invalid_request', status: 404 },
})

/** A signature that is too old or too new, in the words of the services that say so. */
const CLOCK_FAILURES = new Set([
  'InvalidSignatureException',
  'RequestExpired',
  'RequestTimeTooSkewed',
  'SignatureDoesNotMatch',
])
const EXPIRED = new Set(['ExpiredTokenException', 'ExpiredToken'])

/** How the image models and the filters of Amazon refuse. */
const FILTERED = /blocked by our content filters|violates? our content policy/i

const MAX_ERROR_BYTES = 1024 * 1024
const MAX_REASON_CHARACTERS = 2000

/** The name of a failure, without the address that AWS may put behind it. */
export function findFailureName({ headers }: Pick<UpstreamResponse, 'headers'>): string | undefined {
  return headers['x-amzn-errortype']?.split(':')[0]?.split('#').at(-1)?.trim()
}

/** Whether another clock or new keys may help a signed call that failed. */
export function isClockFailure(name: string | undefined): boolean {
  return name !== undefined && CLOCK_FAILURES.has(name)
}

/** Whether temporary keys have ended before their time. */
export function isExpiredFailure(name: string | undefined): boolean {
  return name !== undefined && EXPIRED.has(name)
}

/** Gives the response back when it is a success; else reads what AWS says and throws it. */
export async function expectBedrockSuccess(provider: string, response: UpstreamResponse): Promise<UpstreamResponse> {
  if (response.status < 400) return response
  const { status, headers } = response
  const bodyText = await readText(provider, response)
  const general = toProviderError(provider, { status, headers, bodyText })
  const body = asRecord(tryParse(bodyText))
  const named = findFailureName(response) ?? findTypeName(body)
  // The rows that a vendor's failure becomes all have these details.
  const details = general.details as ProviderFailure
  throw toNamedError(named, { ...details, reason: findMessage(body) ?? details.reason }) ?? general
}

/** The error of an exception frame within an event stream. */
export function toStreamError(provider: string, exception: string, payload: unknown): StackError {
  const body = asRecord(payload)
  const name = exception.charAt(0).toUpperCase() + exception.slice(1)
  const reason = (findMessage(body) ?? name).slice(0, MAX_REASON_CHARACTERS)
  const failure: ProviderFailure = { provider, reason }
  return toNamedError(name, failure) ?? new StackError('provider_internal', { ...failure, vendorCode: name })
}

function toNamedError(name: string | undefined, failure: ProviderFailure): StackError | undefined {
  const facts = name === undefined ? undefined : failures[name]
  if (name === undefined || facts === undefined) return undefined
  const status = facts.status ?? failure.status
  const details = { ...failure, vendorCode: name, ...(status === undefined ? {} : { status }) }
  const isFiltered = facts.code === 'provider_invalid_request' && FILTERED.test(failure.reason)
  return new StackError(isFiltered ? 'provider_content_policy' : facts.code, details)
}

function findMessage(body: Record<string, unknown>): string | undefined {
  const said = body['message'] ?? body['Message'] ?? body['originalMessage'] ?? asRecord(body['error'])['message']
  return typeof said === 'string' && said !== '' ? said.slice(0, MAX_REASON_CHARACTERS) : undefined
}

/** Services that leave the header out name the failure in the body. */
function findTypeName(body: Record<string, unknown>): string | undefined {
  const said = body['__type'] ?? body['code']
  return typeof said === 'string' ? said.split('#').at(-1) : undefined
}

async function readText(provider: string, response: UpstreamResponse): Promise<string> {
  try {
    return Buffer.from(await readAll(response.body, MAX_ERROR_BYTES, provider)).toString()
  } catch {
    // The status alone says enough; a body that breaks off must not hide it.
    return ''
  }
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
