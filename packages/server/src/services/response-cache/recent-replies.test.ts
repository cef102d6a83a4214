import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { RecentReply } from './recent-replies.ts'
import { RecentReplies } from './recent-replies.ts'

function recent(key: string, bytes: number, { owner = 'anna', model = 'm' } = {}): RecentReply {
  const origin = {
    headers: {},
    contentType: 'application/json',
    providerId: null,
    providerModel: null,
    demo: false,
    inputTokens: null,
    outputTokens: null,
    totalTokens: null,
  }
  const times = { createdAtMs: 0, expiresAtMs: 1 }
  const reply = { key, operation: 'chat', model, format: 'bytes', ...times, origin, body: Buffer.alloc(bytes) } as const
  return { owner, reply, isWritten: true, touchedAtMs: 0 }
}

test('the bytes are counted, and never more than the room', () => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'),
    bytes: fc.nat(40),
    act: fc.constantFrom('put', 'find', 'delete'),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const replies = new RecentReplies(100)
      for (const { key, bytes, act } of steps) {
        if (act === 'put') replies.put(recent(key, bytes))
        else if (act === 'find') replies.find(key)
        else replies.delete(key)
        const held = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((each) => replies.find(each)?.reply.body.byteLength ?? 0)
        expect(replies.sizeBytes).toBe(held.reduce((sum, size) => sum + size, 0))
        expect(replies.sizeBytes).toBeLessThanOrEqual(100)
      }
    }),
  )
})

test('the least recently used goes first', () => {
  const replies = new RecentReplies(100)
  for (const key of ['a', 'b', 'c', 'd']) replies.put(recent(key, 25))
  replies.find('a')
  replies.put(recent('e', 25))
  expect(['a', 'b', 'c', 'd', 'e'].filter((key) => replies.find(key) !== undefined)).toEqual(['a', 'c', 'd', 'e'])
})

test('a reply that would drive out the others stays outside', () => {
  const replies = new RecentReplies(100)
  replies.put(recent('a', 20))
  replies.put(recent('huge', 26))
  expect([replies.find('a') === undefined, replies.find('huge') === undefined]).toEqual([false, true])
})

test('clearing takes those of an owner, and of a model where one is named', () => {
  const replies = new RecentReplies(100)
  replies.put(recent('a', 1))
  replies.put(recent('b', 1, { model: 'n' }))
  replies.put(recent('c', 1, { owner: 'otto' }))
  replies.clear('anna', 'n')
  expect(['a', 'b', 'c'].filter((key) => replies.find(key) !== undefined)).toEqual(['a', 'c'])
  replies.clear('anna', undefined)
  expect(['a', 'b', 'c'].filter((key) => replies.find(key) !== undefined)).toEqual(['c'])
})
