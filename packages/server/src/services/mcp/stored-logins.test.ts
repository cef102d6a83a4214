import { expect, test } from 'vitest'
import { createTemporaryStorage } from '../../testing/temporary-storage.ts'
import { toStoredLogins, toStoredTokens } from './stored-logins.ts'

const principal = { id: 'anna' }

test('tokens are kept with the client that they were given to, where there is one', async () => {
  await using opened = await createTemporaryStorage()
  const tokens = toStoredTokens(opened.storage)
  const bare = { tokens: { access_token: 'a', scope: 'x' } }
  const full = { ...bare, client: { client_id: 'c' } }
  await tokens.set(principal, 'github', bare)
  await tokens.set(principal, 'other', full)
  expect(await tokens.get(principal, 'github')).toEqual(bare)
  expect(await tokens.get(principal, 'other')).toEqual(full)
  expect(await tokens.get({ id: 'otto' }, 'other')).toBeUndefined()
  await tokens.delete(principal, 'other')
  expect(await tokens.get(principal, 'other')).toBeUndefined()
})

test('a login comes back as it went, once', async () => {
  await using opened = await createTemporaryStorage()
  const logins = toStoredLogins(opened.storage)
  const login = {
    state: 's',
    principal,
    connectorId: 'github',
    expiresAtMs: Date.now() + 60_000,
    codeVerifier: 'v',
    discovery: { issuer: 'https://example.com', scopes: ['a'] },
    client: { client_id: 'c' },
  }
  await logins.put(login)
  expect(await logins.take('t')).toBeUndefined()
  expect(await logins.take('s')).toEqual(login)
  expect(await logins.take('s')).toBeUndefined()
})
