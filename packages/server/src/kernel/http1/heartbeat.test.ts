import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BEAT_MS, hasPassed, Heartbeat } from './heartbeat.ts'

test('a limit has never passed early, and at most two beats late', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 700_000 }),
      fc.integer({ min: 0, max: BEAT_MS - 1 }),
      (limitMs, msToFirstBeat) => {
        let beats = 1
        while (!hasPassed(beats, limitMs)) beats += 1
        const elapsedMs = msToFirstBeat + (beats - 1) * BEAT_MS
        expect(elapsedMs).toBeGreaterThanOrEqual(limitMs)
        expect(elapsedMs).toBeLessThan(limitMs + 2 * BEAT_MS)
      },
    ),
  )
})

test('no limit never passes', () => {
  expect(hasPassed(1e9, 0)).toBe(false)
})

test('members are called until they leave, and the timer goes with the last one', async () => {
  const heartbeat = new Heartbeat<{ beat(): void }>()
  let beats = 0
  await new Promise<void>((resolve) => {
    const member = {
      beat() {
        beats += 1
        if (beats < 2) return
        heartbeat.leave(member)
        resolve()
      },
    }
    heartbeat.join(member)
  })
  expect(heartbeat.members.size).toBe(0)
  await new Promise((resolve) => setTimeout(resolve, 2 * BEAT_MS))
  expect(beats).toBe(2)
})
