import { StackError } from '@llama-stack/api'
import { expect, test } from 'vitest'
import { toTransportError } from './transport-error.ts'

const cause = (message: string, more: object): Error => Object.assign(new Error(message), more)

test.each([
  ['a refusal', { code: 'ECONNREFUSED' }, 'provider_unreachable', 'connection refused'],
  ['a silence', { code: 'HEADERS_TIMEOUT' }, 'provider_timeout', 'the vendor sleeps'],
  ['another protocol', { code: 'MALFORMED_REPLY' }, 'provider_bad_reply', 'the vendor sleeps'],
  ['a self-signed certificate', { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }, 'provider_unreachable', 'network.tls.verify'],
  [
    'a certificate of another name',
    { code: 'ERR_TLS_CERT_ALTNAME_INVALID', host: 'api.example', reason: 'a long list' },
    'provider_unreachable',
    "another name than the one in the URL ('api.example')",
  ],
  [
    'plain text in place of TLS',
    { code: 'EPROTO', reason: 'wrong version number' },
    'provider_unreachable',
    'TLS failed, wrong version number: it may not speak TLS there; try http://',
  ],
  [
    'a client certificate that is missing',
    { code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', reason: 'tlsv13 alert certificate required' },
    'provider_unreachable',
    'TLS failed, tlsv13 alert certificate required.',
  ],
  ['what nobody has heard of', { code: 'EWHAT' }, 'provider_unreachable', 'the vendor sleeps'],
])('%s is told in words', (...[, facts, code, words]) => {
  const error = toTransportError('acme', cause('the vendor sleeps', facts), false)
  expect(error.code).toBe(code)
  expect(error.message).toContain(words)
})

test('once the head was there, the stream broke', () => {
  const error = toTransportError('acme', cause('x', { code: 'ECONNRESET' }), true)
  expect(error).toMatchObject({ code: 'provider_stream_broken', details: { reason: 'the connection was reset' } })
  expect(toTransportError('acme', cause('x', { code: 'BODY_TIMEOUT' }), true).code).toBe('provider_timeout')
})

test('an error of the table stays what it is, however deep', () => {
  const inner = new StackError('url_blocked', { url: 'http://10.0.0.1/', reason: 'it is private' })
  expect(toTransportError('acme', new Error('x', { cause: new Error('y', { cause: inner }) }), false)).toBe(inner)
})
