/** Failures of Google's APIs (`google.rpc.Status`) as errors of the table. */
import type { StackError } from '@llama-stack/api'
import { asRecord, isRecord } from '../../kernel/json-record.ts'
import { toProviderError } from '../../kernel/provider-failure.ts'
import type { VendorFailure } from './_vendor-reply.ts'

type Fields = Readonly<Record<string, unknown>>

/**
 * Translates a failed reply. The words, the status's name as the code, and `RetryInfo` are taken out of Google's shape;
 * what the failure means is decided where all vendors' failures are.
 */
export function toGoogleError(provider: string, reply: VendorFailure): StackError {
  const error = findGoogleError(findJson(reply.bodyText))
  if (error === undefined) return toProviderError(provider, reply)
  const details = (Array.isArray(error['details']) ? error['details'] : []).filter(isRecord)
  const retryAfterMs = findRetryDelayMs(details)
  return toProviderError(provider, {
    // A key that does not exist is a bad request to Google.
    status: reasonOf(details) === 'API_KEY_INVALID' ? 401 : reply.status,
    headers: retryAfterMs === undefined ? reply.headers : { ...reply.headers, 'retry-after-ms': String(retryAfterMs) },
    bodyText: JSON.stringify({ error: { message: error['message'], code: toCode(error, details) } }),
  })
}

/** The error inside a reply, bare or in the array that streams have; undefined where the reply is none. */
export function findGoogleError(body: unknown): Fields | undefined {
  const outer: unknown = Array.isArray(body) ? body[0] : body
  const error = asRecord(outer)['error']
  return isRecord(error) ? error : undefined
}

/** An error that came in the middle of a stream whose head said 200. */
export function toStreamedGoogleError(provider: string, error: Fields): StackError {
  const status = Number(error['code'])
  return toGoogleError(provider, {
    status: status >= 400 && status < 600 ? status : 502,
    headers: {},
    bodyText: JSON.stringify({ error }),
  })
}

/** A day's quota does not come back within a retry; OpenAI's word for that is taken. */
function toCode(error: Fields, details: readonly Fields[]): unknown {
  const violations = detailOf(details, 'QuotaFailure')['violations']
  const isDaily = JSON.stringify(violations ?? '').includes('PerDay')
  return isDaily ? 'insufficient_quota' : error['status']
}

function reasonOf(details: readonly Fields[]): unknown {
  return detailOf(details, 'ErrorInfo')['reason']
}

/** `"34.5s"`, as protobuf writes durations. */
function findRetryDelayMs(details: readonly Fields[]): number | undefined {
  const delay = detailOf(details, 'RetryInfo')['retryDelay']
  const seconds = typeof delay === 'string' ? Number.parseFloat(delay) : Number.NaN
  return Number.isNaN(seconds) ? undefined : Math.ceil(seconds * 1000)
}

function detailOf(details: readonly Fields[], name: string): Fields {
  return details.find((detail) => detail['@type'] === `type.googleapis.com/google.rpc.${name}`) ?? {}
}

function findJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
