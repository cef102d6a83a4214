import { expect, test } from 'vitest'
import type { ToolList } from './mcp-tool-list.ts'
import { ToolListCache } from './tool-list-cache.ts'

const MIB = 1024 * 1024
const clock = { now: () => 0, monotonic: () => 0 }
const list = (name: string, bytes = 1): ToolList => ({
  tools: [{ name, inputSchema: { type: 'object' } }],
  ttlMs: 1000,
  bytes,
})

test('lists that were not used for the longest time make room', async () => {
  const cache = new ToolListCache(clock)
  for (const key of ['a', 'b', 'c']) await cache.get(key, () => Promise.resolve(list(key, 20 * MIB)))
  expect(cache.findAny('a')).toBeDefined()
  await cache.get('a', () => Promise.reject(new TypeError('it is still good')))
  await cache.get('d', () => Promise.resolve(list('d', 20 * MIB)))
  expect(['a', 'b', 'c', 'd'].filter((key) => cache.findAny(key) !== undefined)).toEqual(['a', 'c', 'd'])
})

test('a list that cannot be fetched is asked for again', async () => {
  const cache = new ToolListCache(clock)
  await expect(cache.get('a', () => Promise.reject(new TypeError('no')))).rejects.toThrow('no')
  const [tool] = await cache.get('a', () => Promise.resolve(list('a')))
  expect(tool?.name).toBe('a')
})

test('a list that changed while it was fetched is not kept', async () => {
  const cache = new ToolListCache(clock)
  const first = Promise.withResolvers<ToolList>()
  const waiting = cache.get('a', () => first.promise)
  cache.expire('a')
  const second = await cache.get('a', () => Promise.resolve(list('new')))
  first.resolve(list('old'))
  expect((await waiting)[0]?.name).toBe('old')
  expect(cache.findAny('a')).toBe(second)
})
