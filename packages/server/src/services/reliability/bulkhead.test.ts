import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Bulkhead } from './bulkhead.ts'
import type { BulkheadPolicy } from './bulkhead.ts'

const policy: BulkheadPolicy = { maxConcurrent: 2, maxQueue: 3, queueTimeoutMs: 10_000 }
const nobody = new AbortController().signal

describe('a bulkhead', () => {
  test('lets calls in at once while there is a place, then in the order of their arrival', async () => {
    const bulkhead = new Bulkhead('p', policy)
    expect(bulkhead.enter(nobody)).toBeUndefined()
    expect(bulkhead.enter(nobody)).toBeUndefined()
    const entered: number[] = []
    const waiting = [1, 2, 3].map(async (number) => {
      await bulkhead.enter(nobody)
      entered.push(number)
    })
    expect(bulkhead.waiting).toBe(3)
    for (let left = 5; left > 0; left -= 1) bulkhead.leave()
    await Promise.all(waiting)
    expect(entered).toEqual([1, 2, 3])
    expect(bulkhead).toMatchObject({ running: 0, waiting: 0 })
  })

  test('refuses a call when the line is full, and one that waited too long', async () => {
    const bulkhead = new Bulkhead('p', { maxConcurrent: 1, maxQueue: 1, queueTimeoutMs: 20 })
    expect(bulkhead.enter(nobody)).toBeUndefined()
    const late = bulkhead.enter(nobody)
    await expect(bulkhead.enter(nobody)).rejects.toMatchObject({
      code: 'provider_overloaded',
      status: 503,
      failover: true,
      details: { provider: 'p', reason: '1 are running and 1 are waiting', retryAfterMs: 1000 },
    })
    await expect(late).rejects.toMatchObject({ code: 'provider_overloaded', details: { reason: /20 ms/ } })
    expect(bulkhead.waiting).toBe(0)
  })

  test('forgets a call whose caller left', async () => {
    const bulkhead = new Bulkhead('p', { ...policy, maxConcurrent: 1 })
    expect(bulkhead.enter(nobody)).toBeUndefined()
    const caller = new AbortController()
    const left = bulkhead.enter(caller.signal)
    const next = bulkhead.enter(nobody)
    caller.abort(new Error('gone'))
    await expect(left).rejects.toThrow('gone')
    await expect(bulkhead.enter(caller.signal)).rejects.toThrow('gone')
    bulkhead.leave()
    await next
    expect(bulkhead).toMatchObject({ running: 1, waiting: 0 })
  })
})

test('under any order of calls: never more than the bound, first come first served, no place is lost', async () => {
  const act = fc.oneof(
    { weight: 3, arbitrary: fc.constant({ kind: 'enter' as const, which: 0 }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('leave' as const), which: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('abort' as const), which: fc.nat() }) },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 100 }), fc.integer({ min: 1, max: 3 }), async (acts, maxConcurrent) => {
      const bulkhead = new Bulkhead('p', { maxConcurrent, maxQueue: 5, queueTimeoutMs: 10_000 })
      const inside: number[] = []
      const line = new Map<number, AbortController>()
      const overtaken: number[] = []
      for (const [number, { kind, which }] of acts.entries()) {
        if (kind === 'enter') {
          const caller = new AbortController()
          const waiting = bulkhead.enter(caller.signal)
          if (waiting === undefined) inside.push(number)
          else {
            line.set(number, caller)
            waiting.then(
              () => {
                overtaken.push(...[...line.keys()].filter((other) => other < number))
                line.delete(number)
                inside.push(number)
              },
              () => line.delete(number),
            )
          }
        } else if (kind === 'leave' && inside.length > 0) {
          inside.splice(which % inside.length, 1)
          bulkhead.leave()
        } else if (kind === 'abort' && line.size > 0) {
          ;[...line.values()][which % line.size]?.abort(new Error('gone'))
        }
        await Promise.resolve()
        await Promise.resolve()
        expect(inside.length).toBeLessThanOrEqual(maxConcurrent)
        expect(bulkhead.running).toBe(inside.length)
        expect(bulkhead.waiting).toBe(line.size)
        expect(line.size === 0 || inside.length === maxConcurrent).toBe(true)
        expect(overtaken).toEqual([])
      }
      while (bulkhead.running > 0) {
        bulkhead.leave()
        await Promise.resolve()
      }
      expect(bulkhead).toMatchObject({ running: 0, waiting: 0 })
    }),
  )
})
