import { expect, test } from 'vitest'
import { blockedHeaders, isBlockedHeader, toForwardedHeaders } from './_forwarded-headers.ts'

test('only listed keys are forwarded, under their header names', () => {
  const headers = toForwardedHeaders({ tenant: 'X-Tenant-ID' }, { tenant: 'a', other: 'b' })
  expect(headers).toEqual({ 'x-tenant-id': 'a' })
})

test('control characters cannot begin another header', () => {
  expect(toForwardedHeaders({ a: 'X-A' }, { a: 'one\r\nX-B: two\u0000' })).toEqual({ 'x-a': 'oneX-B: two' })
})

test.each([['x'.repeat(8193)], [''], ['\r\n'], [{ a: 1 }], [null]])('%o is not sent', (said) => {
  expect(toForwardedHeaders({ a: 'X-A' }, { a: said })).toEqual({})
})

test.each([
  ['Host', true],
  ['Cookie', true],
  ['content-type', true],
  ['X-Forwarded-For', true],
  ['x-real-ip', true],
  ['Proxy-Authorization', true],
  ['Transfer-Encoding', true],
  ['x-mine', true],
  ['not a name', true],
  ['Authorization', false],
  ['X-Tenant-ID', false],
])('%s is blocked: %s', (name, expected) => {
  expect(isBlockedHeader(name, blockedHeaders(['X-Mine']))).toBe(expected)
})
