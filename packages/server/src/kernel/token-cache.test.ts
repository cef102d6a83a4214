import { isStackError } from '@llama-stack/api'
import type { Clock, UpstreamResponse } from '@llama-stack/api'
import { expect, it } from 'vitest'
import { bytesStream } from './byte-stream.ts'
import { sendWithToken, TokenCache } from './token-cache.ts'
import type { Token, TokenCacheOptions } from './token-cache.ts'

const HOUR_MS = 3_600_000

class HeldClock implements Clock {
  nowMs = 1_000_000
  now(): number {
    return this.nowMs
  }
  monotonic(): number {
    return this.nowMs
  }
}

function createCache(options: Partial<TokenCacheOptions<string>> = {}): {
  clock: HeldClock
  bought: string[]
  cache: TokenCache
} {
  const clock = new HeldClock()
  const bought: string[] = []
  const load = (key: string): Promise<Token<string>> => {
    bought.push(key)
    return Promise.resolve({ value: `${key}-${bought.length}`, expiresAtMs: clock.nowMs + HOUR_MS })
  }
  return { clock, bought, cache: new TokenCache({ provider: 'vendor', clock, load, ...options }) }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

it('buys one token for any number of parallel calls', async () => {
  const { cache, bought } = createCache()
  const tokens = await Promise.all(Array.from({ length: 100 }, () => cache.get('a')))
  expect(new Set(tokens)).toEqual(new Set(['a-1']))
  expect(await cache.get('a')).toBe('a-1')
  expect(await cache.get('b')).toBe('b-2')
  expect(bought).toEqual(['a', 'b'])
})

it('replaces a token before its end without making anybody wait', async () => {
  const { cache, bought, clock } = createCache()
  await cache.get('a')
  clock.nowMs += HOUR_MS - 300_001
  expect(await cache.get('a')).toBe('a-1')
  expect(bought).toHaveLength(1)
  clock.nowMs += 1
  expect(await Promise.all([cache.get('a'), cache.get('a')])).toEqual(['a-1', 'a-1'])
  await settled()
  expect(await cache.get('a')).toBe('a-2')
  expect(bought).toHaveLength(2)
})

it('never hands out a token that is over or about to be', async () => {
  const { cache, clock } = createCache()
  await cache.get('a')
  clock.nowMs += HOUR_MS - 10_000
  expect(await cache.get('a')).toBe('a-2')
})

it('keeps a token of a few seconds for most of its life', async () => {
  let bought = 0
  const clock = new HeldClock()
  const load = (): Promise<Token<number>> => Promise.resolve({ value: (bought += 1), expiresAtMs: clock.nowMs + 5000 })
  const cache = new TokenCache({ provider: 'vendor', clock, load })
  await cache.get('a')
  clock.nowMs += 3999
  expect(await cache.get('a')).toBe(1)
  expect(bought).toBe(1)
  clock.nowMs += 501
  expect(await cache.get('a')).toBe(2)
})

it('serves the old token to its end when no new one is to be had, and does not ask without rest', async () => {
  const clock = new HeldClock()
  let asked = 0
  const load = (): Promise<Token<string>> => {
    asked += 1
    if (asked > 1) return Promise.reject(new TypeError('the vendor is away'))
    return Promise.resolve({ value: 'first', expiresAtMs: clock.nowMs + HOUR_MS })
  }
  const cache = new TokenCache({ provider: 'vendor', clock, load })
  await cache.get('a')
  clock.nowMs += HOUR_MS - 200_000
  expect(await cache.get('a')).toBe('first')
  await settled()
  expect(await cache.get('a')).toBe('first')
  expect(asked).toBe(2)
  clock.nowMs += 10_000
  await cache.get('a')
  await settled()
  expect(asked).toBe(3)
  clock.nowMs += HOUR_MS
  await expect(cache.get('a')).rejects.toThrow('away')
})

it('tells a failure to all who wait, and asks again for the next', async () => {
  let fails = true
  let asked = 0
  const clock = new HeldClock()
  const load = (): Promise<Token<string>> => {
    asked += 1
    return fails
      ? Promise.reject(new TypeError('refused'))
      : Promise.resolve({ value: 'good', expiresAtMs: clock.nowMs + HOUR_MS })
  }
  const cache = new TokenCache({ provider: 'vendor', clock, load })
  const both = await Promise.allSettled([cache.get('a'), cache.get('a')])
  expect(both.map((outcome) => outcome.status)).toEqual(['rejected', 'rejected'])
  expect(asked).toBe(1)
  fails = false
  expect(await cache.get('a')).toBe('good')
})

it('forgets the token that was used the longest time ago, and wrong keys push out none', async () => {
  const clock = new HeldClock()
  const bought: string[] = []
  const load = (key: string): Promise<Token<string>> => {
    bought.push(key)
    if (key.startsWith('wrong')) return Promise.reject(new TypeError('refused'))
    return Promise.resolve({ value: key, expiresAtMs: clock.nowMs + HOUR_MS })
  }
  const cache = new TokenCache({ provider: 'vendor', clock, load, maxEntries: 3 })
  for (const key of ['a', 'b', 'a', 'wrong-1', 'wrong-2', 'wrong-3']) await cache.get(key).catch(() => undefined)
  await cache.get('a')
  await cache.get('b')
  expect(bought.filter((key) => key === 'a' || key === 'b')).toEqual(['a', 'b'])
  await cache.get('c')
  await cache.get('d')
  await cache.get('b')
  expect(bought.filter((key) => key === 'b')).toHaveLength(1)
  await cache.get('a')
  expect(bought.filter((key) => key === 'a')).toHaveLength(2)
})

it('lets a caller leave without ending the purchase for the others', async () => {
  const finish: { now?: () => void } = {}
  const load = (): Promise<Token<string>> =>
    new Promise((resolve) => {
      finish.now = () => resolve({ value: 'late', expiresAtMs: Number.MAX_SAFE_INTEGER })
    })
  const { cache } = createCache({ load })
  const leaving = new AbortController()
  const left = cache.get('a', leaving.signal)
  const stays = cache.get('a', new AbortController().signal)
  leaving.abort()
  await expect(left).rejects.toSatisfy((error) => isStackError(error, 'provider_stream_broken'))
  finish.now?.()
  expect(await stays).toBe('late')
  await expect(cache.get('b', AbortSignal.abort())).rejects.toThrow('the caller left')
})

it('drops a refused token once, however many calls report it', async () => {
  const { cache, bought, clock } = createCache()
  const stale = await cache.get('a')
  expect(cache.drop('a', stale)).toBe(true)
  const next = cache.get('a')
  expect(cache.drop('a', stale)).toBe(true)
  expect(await next).toBe('a-2')
  expect(cache.drop('a', stale)).toBe(true)
  expect(await cache.get('a')).toBe('a-2')
  expect(bought).toHaveLength(2)
  expect(cache.drop('a', 'a-2')).toBe(false)
  clock.nowMs += 10_000
  expect(cache.drop('a', 'a-2')).toBe(true)
})

function reply(status: number): UpstreamResponse {
  return { status, headers: {}, body: bytesStream(Buffer.from('{}')) }
}

it('sends once more with a new token after 401, and only once', async () => {
  const { cache } = createCache()
  const sent: string[] = []
  const send = (value: string): Promise<UpstreamResponse> => {
    sent.push(value)
    return Promise.resolve(reply(value === 'a-1' ? 401 : 200))
  }
  expect((await sendWithToken(cache, { key: 'a', send })).status).toBe(200)
  expect((await sendWithToken(cache, { key: 'a', send })).status).toBe(200)
  expect(sent).toEqual(['a-1', 'a-2', 'a-2'])
})

it('buys no token after token for a vendor that refuses them all', async () => {
  const { cache, bought } = createCache()
  const send = (): Promise<UpstreamResponse> => Promise.resolve(reply(401))
  for (let turn = 0; turn < 5; turn += 1) {
    expect((await sendWithToken(cache, { key: 'a', send })).status).toBe(401)
  }
  expect(bought).toHaveLength(2)
})
