import { expect, test } from 'vitest'
import { newReplyCache } from './reply-cache.ts'
import type { RecordedReply } from './recorded-reply.ts'

const reply = (bytes: number): RecordedReply => ({ status: 200, contentType: '', bytes: new Uint8Array(bytes) })

test('the reply that was used longest ago goes first', () => {
  const cache = newReplyCache(40)
  for (const file of ['a', 'b', 'c', 'd']) cache.keep([file], reply(10))
  expect(cache.find(['a'])).toBeDefined()
  cache.keep(['e'], reply(10))
  expect(['a', 'b', 'c', 'd', 'e'].filter((file) => cache.find([file]) !== undefined)).toEqual(['a', 'c', 'd', 'e'])
})

test('a reply that would crowd out the others is not kept', () => {
  const cache = newReplyCache(40)
  cache.keep(['a'], reply(10))
  cache.keep(['large'], reply(11))
  expect(cache.find(['large'])).toBeUndefined()
  expect(cache.find(['a'])).toBeDefined()
})

test('a file that changed takes along every reply made of it', () => {
  const cache = newReplyCache(100)
  cache.keep(['a'], reply(10))
  cache.keep(['a', 'b'], reply(10))
  cache.keep(['c'], reply(10))
  cache.drop('a')
  expect([['a'], ['a', 'b'], ['c']].map((files) => cache.find(files) !== undefined)).toEqual([false, false, true])
})
