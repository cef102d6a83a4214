import { describe, expect, test } from 'vitest'
import { toGoogleError, toStreamedGoogleError } from './_google-failure.ts'

const retry = { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '34.074824224s' }
const info = (reason: string): object => ({
  '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
  reason,
  domain: 'googleapis.com',
})
const quota = (quotaId: string): object => ({
  '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
  violations: [{ quotaMetric: 'generativelanguage.googleapis.com/generate_content_requests', quotaId }],
})

const status = (code: number, name: string, details: readonly object[] = []): object => ({
  error: { code, message: 'Said by Google.', status: name, ...(details.length > 0 && { details }) },
})

describe('a failed reply', () => {
  test.each<readonly [number, object, object]>([
    [
      400,
      status(400, 'INVALID_ARGUMENT'),
      { code: 'provider_invalid_request', details: { vendorCode: 'INVALID_ARGUMENT', status: 400 } },
    ],
    [
      400,
      status(400, 'INVALID_ARGUMENT', [info('API_KEY_INVALID')]),
      { code: 'provider_authentication', details: { status: 401 } },
    ],
    [
      401,
      status(401, 'UNAUTHENTICATED', [info('ACCESS_TOKEN_EXPIRED')]),
      { code: 'provider_authentication', details: { status: 401 } },
    ],
    [
      403,
      status(403, 'PERMISSION_DENIED', [info('SERVICE_DISABLED')]),
      { code: 'provider_authentication', details: { status: 403 } },
    ],
    [404, status(404, 'NOT_FOUND'), { code: 'provider_invalid_request', details: { status: 404 } }],
    [
      429,
      status(429, 'RESOURCE_EXHAUSTED'),
      { code: 'provider_rate_limited', details: { vendorCode: 'RESOURCE_EXHAUSTED' } },
    ],
    [
      429,
      status(429, 'RESOURCE_EXHAUSTED', [retry]),
      { code: 'provider_rate_limited', details: { retryAfterMs: 34_075 } },
    ],
    [
      429,
      status(429, 'RESOURCE_EXHAUSTED', [quota('GenerateRequestsPerDayPerProjectPerModel-FreeTier'), retry]),
      { code: 'provider_quota_exceeded', details: { retryAfterMs: 34_075 } },
    ],
    [
      429,
      status(429, 'RESOURCE_EXHAUSTED', [quota('RequestsPerMinute')]),
      { code: 'provider_rate_limited', details: {} },
    ],
    [503, status(503, 'UNAVAILABLE'), { code: 'provider_internal', details: { status: 503 } }],
    [504, status(504, 'DEADLINE_EXCEEDED'), { code: 'provider_timeout', details: {} }],
  ])('%i %j is %j', (code, body, expected) => {
    const error = toGoogleError('vertexai', { status: code, headers: {}, bodyText: JSON.stringify(body) })
    expect(error).toMatchObject(expected)
    expect(error.details).toMatchObject({ provider: 'vertexai' })
    expect(error.message).toContain('Said by Google.')
    const inArray = toGoogleError('vertexai', { status: code, headers: {}, bodyText: JSON.stringify([body]) })
    expect(inArray.details).toEqual(error.details)
  })

  test('in another shape is read as everybody’s', () => {
    const bodyText = '{"error":"invalid_request","message":"no"}'
    expect(toGoogleError('vertexai', { status: 400, headers: {}, bodyText }).code).toBe('provider_invalid_request')
    const page = toGoogleError('vertexai', { status: 502, headers: { 'retry-after': '2' }, bodyText: '<html>' })
    expect(page).toMatchObject({ code: 'provider_internal', details: { retryAfterMs: 2000 } })
  })
})

test('a failure within a stream has the status that it names', () => {
  const said = { code: 429, message: 'Slow down.', status: 'RESOURCE_EXHAUSTED' }
  expect(toStreamedGoogleError('vertexai', said)).toMatchObject({ code: 'provider_rate_limited', status: 429 })
  expect(toStreamedGoogleError('vertexai', { message: 'What?' })).toMatchObject({
    code: 'provider_internal',
    status: 502,
  })
})
