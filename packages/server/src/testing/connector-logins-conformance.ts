/** What every storage backend has to do with tokens for connectors and with pending logins. */
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Storage } from '../storage/storage.ts'
import { newcomer } from './newcomer.ts'

/** Declares the cases. `open` is that of the suite of storage. */
export function describeConnectorLogins(open: (store: string) => Promise<Storage>): void {
  const store = async (): Promise<Storage> => {
    const opened = await open('connector-logins')
    onTestFinished(() => opened[Symbol.asyncDispose]())
    return opened
  }

  describe('logins to connectors', () => {
    test('leave tokens to their owner only, also at the next start', async () => {
      const [owner, stranger] = [newcomer(), newcomer()]
      const first = await store()
      await first.connectorTokens(owner).save('github', { tokens: { access_token: 'a', nested: [1, null] } })
      await first.connectorTokens(owner).save('github', { tokens: { access_token: 'b' }, client: { client_id: 'c' } })
      await first.connectorTokens(stranger).save('github', { tokens: {} })
      await first[Symbol.asyncDispose]()
      const next = await store()
      const mine = next.connectorTokens(owner)
      expect(await mine.find('github')).toEqual({ tokens: { access_token: 'b' }, client: { client_id: 'c' } })
      expect(await mine.find('other')).toBeUndefined()
      await next.connectorTokens(stranger).delete('github')
      expect(await mine.find('github')).toBeDefined()
      await mine.delete('github')
      await mine.delete('github')
      expect(await mine.find('github')).toBeUndefined()
    })

    test('are finished once, in whatever process, and not after their end', async () => {
      const [one, two] = [await store(), await store()]
      const pending = { state: crypto.randomUUID(), expiresAtMs: Date.now() + 60_000, login: { verifier: 'v' } }
      await one.pendingLogins.put(pending)
      const taken = await Promise.all([one, two].map((each) => each.pendingLogins.take(pending.state)))
      expect(taken.filter((login) => login !== undefined)).toEqual([pending])
      const late = { ...pending, state: crypto.randomUUID(), expiresAtMs: Date.now() - 1 }
      await one.pendingLogins.put(late)
      expect(await two.pendingLogins.take(late.state)).toBeUndefined()
      expect(await two.pendingLogins.take('unknown')).toBeUndefined()
    })
  })
}
