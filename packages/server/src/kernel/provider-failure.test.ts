import { describe, expect, test } from 'vitest'
import { toProviderError } from './provider-failure.ts'

const openAi = (code: string | null, type = 'some_error') =>
  JSON.stringify({ error: { message: 'said the vendor', type, param: 'messages', code } })

describe('a vendor’s refusal', () => {
  test.each([
    [400, openAi('x'), 'provider_invalid_request'],
    [422, '{"detail":[{"msg":"no"}]}', 'provider_invalid_request'],
    [401, openAi('invalid_api_key'), 'provider_authentication'],
    [403, 'forbidden', 'provider_authentication'],
    [402, '{}', 'provider_quota_exceeded'],
    [429, openAi('insufficient_quota'), 'provider_quota_exceeded'],
    [429, openAi(null, 'insufficient_quota'), 'provider_quota_exceeded'],
    [429, openAi('rate_limit'), 'provider_rate_limited'],
    [408, '', 'provider_timeout'],
    [504, '<html>', 'provider_timeout'],
    [400, openAi('content_filter'), 'provider_content_policy'],
    [400, openAi('content_policy_violation'), 'provider_content_policy'],
    [500, '', 'provider_internal'],
    [503, '{"error":"overloaded"}', 'provider_internal'],
  ])('of status %i with %s is %s', (status, bodyText, code) => {
    expect(toProviderError('v', { status, headers: {}, bodyText }).code).toBe(code)
  })

  test.each([
    ['the model took too long', 'in time: the model took too long. Try again'],
    ['The model took too long.', 'in time: The model took too long. Try again'],
    ['Is anybody there?', 'in time: Is anybody there? Try again'],
  ])('ends “%s” as a sentence where more follows', (message, words) => {
    const bodyText = JSON.stringify({ error: { message } })
    expect(toProviderError('v', { status: 504, headers: {}, bodyText }).message).toContain(words)
  })

  test('keeps the vendor’s words, code, type and param', () => {
    const error = toProviderError('v', { status: 400, headers: {}, bodyText: openAi('bad_thing') })
    expect(error).toMatchObject({
      status: 400,
      message: 'said the vendor',
      param: 'messages',
      details: { vendorCode: 'bad_thing', vendorType: 'some_error' },
    })
  })

  test.each([
    ['{"error":"plain"}', 'plain'],
    ['{"message":"flat"}', 'flat'],
    ['{"detail":"fastapi"}', 'fastapi'],
    ['[{"error":{"message":"google"}}]', 'google'],
    ['{"errors":[{"code":"model_not_supported","message":"watsonx"}],"trace":"t"}', 'watsonx'],
    ['{"errorCode":"BXNIM0415E","errorMessage":"IBM"}', 'IBM'],
    ['{"error":"invalid_client","error_description":"OAuth"}', 'OAuth'],
    ['"a string"', 'a string'],
    ['just text', 'just text'],
    ['<html>proxy</html>', 'HTTP 400'],
    ['', 'HTTP 400'],
    ['null', 'HTTP 400'],
  ])('is read out of %s', (bodyText, message) => {
    expect(toProviderError('v', { status: 400, headers: {}, bodyText }).message).toBe(message)
  })

  test.each([
    ['{"errors":[{"code":"model_not_supported","message":"m"}]}', 'model_not_supported'],
    ['{"errorCode":"BXNIM0415E","errorMessage":"m"}', 'BXNIM0415E'],
    ['{"error":"invalid_client","error_description":"m"}', 'invalid_client'],
    ['{"code":"NotAuthenticated","message":"m"}', 'NotAuthenticated'],
    ['{"error":"m"}', undefined],
  ])('has the code of %s', (bodyText, vendorCode) => {
    const { details } = toProviderError('v', { status: 400, headers: {}, bodyText })
    expect((details as { vendorCode?: string }).vendorCode).toBe(vendorCode)
  })

  test.each([
    [{ 'retry-after': '7' }, 7000],
    [{ 'retry-after-ms': '250', 'retry-after': '7' }, 250],
    [{ 'retry-after': 'Sun, 22 Nov 2026 10:00:05 GMT', date: 'Sun, 22 Nov 2026 10:00:00 GMT' }, 5000],
    [{ 'retry-after': 'soon' }, undefined],
    [{}, undefined],
  ])('tells when to come back: %j', (headers, retryAfterMs) => {
    const { details } = toProviderError('v', { status: 429, headers, bodyText: '' })
    expect((details as { retryAfterMs?: number }).retryAfterMs).toBe(retryAfterMs)
  })
})
