import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toBackoffMs } from './backoff.ts'

const policy = { baseMs: 250, maxMs: 8000 }

test('waits anything from nothing to a bound that doubles with each try', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (tries, point) => {
        const waitMs = toBackoffMs(policy, { tries, retryAfterMs: undefined, random: () => point })
        expect(waitMs).toBeGreaterThanOrEqual(0)
        expect(waitMs).toBeLessThanOrEqual(Math.min(8000, 250 * 2 ** (tries - 1)))
      },
    ),
  )
  const longest = (tries: number) => toBackoffMs(policy, { tries, retryAfterMs: undefined, random: () => 1 })
  expect([1, 2, 3, 4, 5, 6, 7].map(longest)).toEqual([250, 500, 1000, 2000, 4000, 8000, 8000])
})

test('a vendor’s own word wins, up to the longest wait; what is longer is not waited for', () => {
  const waitFor = (retryAfterMs: number) => toBackoffMs(policy, { tries: 1, retryAfterMs, random: () => 0.5 })
  expect(waitFor(0)).toBe(0)
  expect(waitFor(8000)).toBe(8000)
  expect(waitFor(8001)).toBeUndefined()
})
