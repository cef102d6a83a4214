import { expect, test } from 'vitest'
import { toCallerNetworkOptions, toNetworkOptions } from './_network-settings.ts'

test('nothing said is nothing changed', () => {
  expect(toNetworkOptions(undefined)).toBeUndefined()
  expect(toNetworkOptions({ tls: null, headers: null }, { verify: null })).toBeUndefined()
})

test('nulls go, the rest stays', () => {
  expect(toNetworkOptions({ tls: { verify: false, ciphers: null }, timeout: { connect: 2, read: null } })).toEqual({
    tls: { verify: false },
    timeout: { connect: 2 },
  })
})

test('the older keys count where the block is silent', () => {
  expect(toNetworkOptions(undefined, { verify: '/ca.pem', timeoutSeconds: 60 })).toEqual({
    tls: { verify: '/ca.pem' },
    timeout: 60,
  })
  expect(toNetworkOptions({ tls: { verify: true }, timeout: 5 }, { verify: false, timeoutSeconds: 60 })).toEqual({
    tls: { verify: true },
    timeout: 5,
  })
})

test('header names are in lower case, as those of calls are', () => {
  expect(toNetworkOptions({ headers: { 'X-Team': 'a' } })).toEqual({ headers: { 'x-team': 'a' } })
})

test('limits of another HTTP client are left behind', () => {
  expect(toNetworkOptions({ limits: { max_connections: 5 } })).toBeUndefined()
})

test('hosts of a caller get neither headers nor certificates', () => {
  const options = {
    tls: { verify: false, client_cert: '/c', client_key: '/k' },
    proxy: { url: 'http://proxy.example' },
    timeout: 5,
    headers: { authorization: 'Bearer ours' },
  }
  expect(toCallerNetworkOptions(options)).toEqual({ proxy: { url: 'http://proxy.example' }, timeout: 5 })
})
