import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { pause } from './pause.ts'

async function measure(waiting: Promise<void>): Promise<number> {
  const start = performance.now()
  await waiting
  return performance.now() - start
}

test('it lasts as long as it was asked to', async () => {
  // Timers count whole milliseconds and may fire a fraction of one early.
  expect(await measure(pause(50, new AbortController().signal))).toBeGreaterThanOrEqual(49)
})

test('it ends when nobody waits any more, without an error', async () => {
  const leaving = new AbortController()
  const waiting = measure(pause(60_000, leaving.signal))
  leaving.abort()
  expect(await waiting).toBeLessThan(1000)
})

test('it does not begin when nobody waits', async () => {
  expect(await measure(pause(60_000, AbortSignal.abort()))).toBeLessThan(1000)
})

test('it leaves nothing behind on the signal', async () => {
  const { signal } = new AbortController()
  const waiting = pause(1, signal)
  expect(getEventListeners(signal, 'abort')).toHaveLength(1)
  await waiting
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
})
