import { expect, test } from 'vitest'
import { systemClock } from '../../kernel/clock.ts'
import { createTextSeal } from '../../kernel/text-seal.ts'
import { createLoginMemory, createTokenMemory } from './mcp-token-store.ts'
import { sealLogins, sealTokens } from './sealed-logins.ts'

const sealWith = (byte: number) => createTextSeal({ key: () => Buffer.alloc(32, byte) }, 'test1.')
const principal = { id: 'anna' }
const tokens = { tokens: { access_token: 'top-secret' }, client: { client_id: 'c', client_secret: 'also-secret' } }

test('tokens are sealed, and opened with the same key only', async () => {
  const memory = createTokenMemory()
  const sealed = sealTokens(memory, sealWith(1))
  await sealed.set(principal, 'a', tokens)
  expect(JSON.stringify(await memory.get(principal, 'a'))).not.toMatch(/secret/)
  expect(await sealed.get(principal, 'a')).toEqual(tokens)
  expect(await sealTokens(memory, sealWith(2)).get(principal, 'a')).toBeUndefined()
  expect(await sealed.get(principal, 'b')).toBeUndefined()
  await sealed.delete(principal, 'a')
  expect(await memory.get(principal, 'a')).toBeUndefined()
})

test('tokens without a client stay without one', async () => {
  const sealed = sealTokens(createTokenMemory(), sealWith(1))
  await sealed.set(principal, 'a', { tokens: tokens.tokens })
  expect(await sealed.get(principal, 'a')).toEqual({ tokens: tokens.tokens })
})

test('logins are sealed, and opened with the same key only', async () => {
  const memory = createLoginMemory(systemClock)
  const login = {
    state: 's',
    principal,
    connectorId: 'a',
    expiresAtMs: Date.now() + 60_000,
    codeVerifier: 'top-secret',
    discovery: { issuer: 'https://login.example' },
    client: tokens.client,
  }
  const sealed = sealLogins(memory, sealWith(1))
  await sealed.put(login)
  expect(await sealed.take('s')).toEqual(login)
  expect(await sealed.take('s')).toBeUndefined()
  await sealed.put(login)
  expect(JSON.stringify(await memory.take('s'))).not.toMatch(/secret/)
  await sealed.put(login)
  expect(await sealLogins(memory, sealWith(2)).take('s')).toBeUndefined()
})
