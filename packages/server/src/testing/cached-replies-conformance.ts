/** What every storage backend has to do with cached replies, run against real stores with room for 10,000 bytes. */
import { bug } from '@llama-stack/api'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { CachedReply, ResponseCacheRepository, Storage } from '../storage/storage.ts'

/** Declares the cases. `open` is that of the suite of storage. */
export function describeCachedReplies(open: (store: string) => Promise<Storage>): void {
  const store = async (name: string): Promise<Storage> => {
    const opened = await open(`cache-${name}`)
    onTestFinished(() => opened[Symbol.asyncDispose]())
    return opened
  }

  describe('cached replies', () => {
    test('are given back as they were put, also by the next start', async () => {
      const first = await store('kept')
      const stream = reply('stream', { format: 'stream', body: Buffer.from([0, 255, 10, 13]) })
      const unknown = {
        providerId: null,
        providerModel: null,
        inputTokens: null,
        outputTokens: null,
        totalTokens: null,
      }
      const bare = reply('bare', { format: 'value', origin: { ...stream.origin, ...unknown, demo: true, headers: {} } })
      for (const each of [stream, bare]) await first.responseCache(anna).put(each)
      expect(await found(first.responseCache(anna), 'stream')).toEqual(stream)
      await first[Symbol.asyncDispose]()
      const next = (await store('kept')).responseCache(anna)
      expect([await found(next, 'stream'), await found(next, 'bare')]).toEqual([stream, bare])
      expect(await next.createdAtMs('stream')).toBe(stream.createdAtMs)
      expect([await next.find('other'), await next.createdAtMs('other')]).toEqual([undefined, undefined])
    })

    test('are replaced by the next of their key', async () => {
      const replies = (await store('replaced')).responseCache(anna)
      await replies.put(reply('one'))
      const second = reply('one', { body: Buffer.from('second') })
      await replies.put(second)
      expect(await found(replies, 'one')).toEqual(second)
      expect(await replies.summarize()).toMatchObject([{ entries: 1 }])
    })

    test('are not found once they have expired, and are gone after the next start', async () => {
      const before = await store('expired')
      await before.responseCache(anna).put(reply('short', { expiresAtMs: Date.now() + 30 }))
      await before.responseCache(anna).put(reply('long'))
      await sleep(40)
      expect(await before.responseCache(anna).find('short')).toBeUndefined()
      expect(await before.responseCache(anna).createdAtMs('short')).toBeUndefined()
      expect(await before.responseCache(anna).summarize()).toMatchObject([{ entries: 1 }])
      await before[Symbol.asyncDispose]()
      const after = (await store('expired')).responseCache(anna)
      await expect.poll(() => after.clear()).toBe(1)
    })

    test('are seen and cleared by their owner only', async () => {
      const storage = await store('owners')
      const [hers, his] = [storage.responseCache(anna), storage.responseCache({ id: 'otto' })]
      await hers.put(reply('one', { model: 'a', createdAtMs: 5 }))
      await hers.put(reply('two', { model: 'a', createdAtMs: 7 }))
      await hers.put(reply('three', { model: 'b', operation: 'embeddings' }))
      await his.put(reply('one', { body: Buffer.from('his') }))
      expect(await hers.summarize()).toMatchObject([
        { operation: 'chat', model: 'a', entries: 2, oldestAtMs: 5, newestAtMs: 7 },
        { operation: 'embeddings', model: 'b', entries: 1 },
      ])
      expect(await his.find('two')).toBeUndefined()
      expect(await hers.clear('a')).toBe(2)
      expect(await hers.find('three')).toBeDefined()
      expect([await hers.clear(), await hers.clear()]).toEqual([1, 0])
      expect((await found(his, 'one')).body).toEqual(Buffer.from('his'))
    })

    test('beyond the room for all, those go that were not used for the longest time', async () => {
      const storage = await store('full')
      const replies = storage.responseCache(anna)
      const large = Buffer.alloc(1500, 'x')
      for (const key of ['a', 'b', 'c', 'd', 'e']) {
        await replies.put(reply(key, { body: large }))
        await sleep(3)
      }
      await replies.touch('a')
      await storage.responseCache({ id: 'otto' }).put(reply('f', { body: large }))
      const keys = ['a', 'b', 'c', 'd', 'e']
      expect(await present(replies, keys)).toEqual(['a', 'c', 'd', 'e'])
      const [summary] = await replies.summarize()
      expect(summary?.bytes).toBeGreaterThan(6000)
    })

    test('one that is larger than all the room is not kept, and costs no other', async () => {
      const replies = (await store('huge')).responseCache(anna)
      await replies.put(reply('small'))
      await replies.put(reply('huge', { body: Buffer.alloc(20_000) }))
      expect(await present(replies, ['small', 'huge'])).toEqual(['small'])
    })
  })
}

const anna = Object.freeze({ id: 'anna' })

function reply(key: string, more: Partial<CachedReply> = {}): CachedReply {
  return {
    key,
    operation: 'chat',
    model: 'openai/gpt-4o',
    format: 'bytes',
    createdAtMs: 1_700_000_000_000,
    expiresAtMs: Date.now() + 60_000,
    origin: {
      headers: { 'x-llama-stack-provider': 'openai' },
      contentType: 'application/json',
      providerId: 'openai',
      providerModel: 'gpt-4o',
      demo: false,
      inputTokens: 1,
      outputTokens: 2,
      totalTokens: 3,
    },
    body: Buffer.from('{"id":"one"}'),
    ...more,
  }
}

/** Bytes of a store and of a literal are different kinds of arrays. */
async function found(replies: ResponseCacheRepository, key: string): Promise<CachedReply> {
  const row = (await replies.find(key)) ?? bug(`there is no cached reply '${key}'`)
  return { ...row, body: Buffer.from(row.body) }
}

async function present(replies: ResponseCacheRepository, keys: readonly string[]): Promise<string[]> {
  const rows = await Promise.all(keys.map((key) => replies.find(key)))
  return keys.filter((_, index) => rows[index] !== undefined)
}
