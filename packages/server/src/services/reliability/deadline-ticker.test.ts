import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { DeadlineTicker } from './deadline-ticker.ts'
import type { Overdue } from './deadline-ticker.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const clock = { now: () => Date.now(), monotonic: () => Date.now() }

function member(dueMs: number, expired: number[]): Overdue {
  return { dueMs, place: undefined, expire: () => expired.push(dueMs) }
}

test('ends each member once, when its time has come and not much later', () => {
  using ticker = new DeadlineTicker(clock, 1000)
  const expired: number[] = []
  const start = Date.now()
  const [early, late, gone] = [100, 500, 300].map((afterMs) => member(start + afterMs, expired))
  for (const each of [early, late, gone]) if (each !== undefined) ticker.add(each)
  if (gone !== undefined) ticker.delete(gone)
  vi.advanceTimersByTime(160)
  expect(expired).toEqual([start + 100])
  vi.advanceTimersByTime(2000)
  expect(expired).toEqual([start + 100, start + 500])
})

test('its timer runs only while there is something to watch over', () => {
  using ticker = new DeadlineTicker(clock, 1000)
  expect(vi.getTimerCount()).toBe(0)
  const one = member(Date.now() + 60_000, [])
  ticker.add(one)
  expect(vi.getTimerCount()).toBe(1)
  ticker.delete(one)
  vi.advanceTimersByTime(100)
  expect(vi.getTimerCount()).toBe(0)
  ticker.add(one)
  expect(vi.getTimerCount()).toBe(1)
})

test('whoever comes and goes: exactly those expire that are there and due', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ dueMs: fc.integer({ min: 0, max: 50 }), leaves: fc.boolean() })), (members) => {
      using ticker = new DeadlineTicker(clock, 100)
      const start = Date.now()
      const expired: number[] = []
      const added = members.map(({ dueMs }) => member(start + dueMs, expired))
      for (const each of added) ticker.add(each)
      for (const [at, each] of added.entries()) {
        if (members[at]?.leaves === true) ticker.delete(each)
        // Leaving twice is leaving once.
        if (members[at]?.leaves === true) ticker.delete(each)
      }
      vi.advanceTimersByTime(100)
      const stayed = added.filter((_, at) => members[at]?.leaves !== true).map(({ dueMs }) => dueMs)
      const inOrder = (of: readonly number[]): number[] => of.toSorted((a, b) => a - b)
      expect(inOrder(expired)).toEqual(inOrder(stayed))
      expect(added.every(({ place }) => place === undefined)).toBe(true)
    }),
  )
})
