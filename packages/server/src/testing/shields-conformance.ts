/** What every storage backend has to do with registered shields. */
import { isStackError } from '@llama-stack/api'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { RegisteredShield, Storage } from '../storage/storage.ts'

const shield = (shieldId: string, providerId = 'rules'): RegisteredShield => ({
  shieldId,
  providerId,
  providerShieldId: 'a/b:c',
  params: { words: ['x'], nested: { a: [1, null] } },
})

/** Declares the cases. `open` is that of the suite of storage. */
export function describeShields(open: (store: string) => Promise<Storage>): void {
  const store = async (name: string): Promise<Storage> => {
    const opened = await open(`shields-${name}`)
    onTestFinished(() => opened[Symbol.asyncDispose]())
    return opened
  }

  describe('registered shields', () => {
    test('are found and listed in their order, also by the next start', async () => {
      const first = await store('kept')
      for (const id of ['z', 'a']) await first.shields({ id: 'anna' }).insert(shield(id))
      await first[Symbol.asyncDispose]()
      const next = (await store('kept')).shields({ id: 'anna' })
      expect(await next.list()).toEqual([shield('z'), shield('a')])
      expect(await next.find('a')).toEqual(shield('a'))
      expect(await next.find('b')).toBeUndefined()
    })

    test('are seen and deleted by their owner only', async () => {
      const storage = await store('owners')
      const [hers, his] = [storage.shields({ id: 'anna' }), storage.shields({ id: 'otto' })]
      await hers.insert(shield('one'))
      expect([await his.list(), await his.find('one'), await his.delete('one')]).toEqual([[], undefined, false])
      await his.insert(shield('one', 'other'))
      expect([await hers.delete('one'), await hers.delete('one')]).toEqual([true, false])
      expect(await his.list()).toEqual([shield('one', 'other')])
    })

    test('keep their ids: a second one is refused, with the name of the provider that has it', async () => {
      const repository = (await store('taken')).shields({ id: 'anna' })
      await repository.insert(shield('one', 'first'))
      const error: unknown = await repository.insert(shield('one', 'second')).catch((reason: unknown) => reason)
      expect(isStackError(error, 'shield_exists') && error.details).toEqual({ shield: 'one', provider: 'first' })
    })
  })
}
