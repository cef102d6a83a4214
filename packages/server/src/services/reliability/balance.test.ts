import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { arrange } from './balance.ts'
import type { Candidate, Draw } from './balance.ts'
import { Latency } from './latency.ts'
import { hash32 } from './rendezvous.ts'

/** A generator of numbers from 0 up to 1 that gives the same ones for the same seed. */
function seeded(seed: number): () => number {
  let count = seed
  return () => hash32(`${count++}`) / 2 ** 32
}

const candidates = (weights: Readonly<Record<string, number>>): (Candidate & { target: { latency: Latency } })[] =>
  Object.entries(weights).map(([name, weight]) => ({ weight, target: { name, latency: new Latency() } }))

const draw = (more: Partial<Draw>): Draw => ({
  strategy: 'order',
  random: seeded(1),
  sessionKey: () => 'session',
  nowMs: 0,
  ...more,
})

const names = (arranged: readonly Candidate[]): string => arranged.map(({ target }) => target.name).join('')

/** How often each comes first. */
function firsts(count: number, arrangeOnce: (turn: number) => readonly Candidate[]): Record<string, number> {
  const counted: Record<string, number> = {}
  for (let turn = 0; turn < count; turn += 1) {
    const first = arrangeOnce(turn)[0]?.target.name ?? ''
    counted[first] = (counted[first] ?? 0) + 1
  }
  return counted
}

test('in order, the order is kept', () => {
  expect(names(arrange(candidates({ b: 1, a: 9 }), draw({})))).toBe('ba')
})

describe('by weight', () => {
  test('each comes first as often as its weight says, and second as often as what is left says', () => {
    const random = seeded(7)
    const weighted = candidates({ a: 6, b: 3, c: 1 })
    const count = 20_000
    const first = firsts(count, () => arrange(weighted, draw({ strategy: 'weighted', random })))
    expect(first['a']).toBeCloseTo(count * 0.6, -3)
    expect(first['b']).toBeCloseTo(count * 0.3, -3)
    expect(first['c']).toBeCloseTo(count * 0.1, -3)
    const second = firsts(count, () => arrange(weighted, draw({ strategy: 'weighted', random })).slice(1))
    // a after b: 0.3 * 6 / 7, a after c: 0.1 * 6 / 9.
    expect(second['a']).toBeCloseTo(count * (0.3 * (6 / 7) + 0.1 * (6 / 9)), -3)
  })

  test('every candidate is there exactly once, whatever the numbers', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.double({ min: 0.001, max: 1000, noNaN: true }), { maxKeys: 8 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (weights, point) => {
          const arranged = arrange(candidates(weights), draw({ strategy: 'weighted', random: () => point }))
          expect(arranged.map(({ target }) => target.name).sort()).toEqual(Object.keys(weights).sort())
        },
      ),
    )
  })
})

describe('by latency', () => {
  test('the fastest comes first, one that nobody measured before all, a busy one later', () => {
    const [slow, fast, fresh] = candidates({ s: 1, f: 1, n: 1 })
    if (slow === undefined || fast === undefined || fresh === undefined) throw new Error('three are given')
    slow.target.latency.note(900, 0)
    fast.target.latency.note(100, 0)
    const byLatency = draw({ strategy: 'least_latency' })
    expect(names(arrange([slow, fast, fresh], byLatency))).toBe('nfs')
    fast.target.latency.inFlight = 20
    expect(names(arrange([slow, fast], byLatency))).toBe('sf')
  })

  test('what was slow once is tried again when that is long ago', () => {
    const [slow, fast] = candidates({ s: 1, f: 1 })
    if (slow === undefined || fast === undefined) throw new Error('two are given')
    slow.target.latency.note(2000, 0)
    const orders = new Map<number, string>()
    for (let nowMs = 0; nowMs <= 120_000; nowMs += 10_000) {
      fast.target.latency.note(100, nowMs)
      orders.set(nowMs, names(arrange([fast, slow], draw({ strategy: 'least_latency', nowMs }))))
    }
    expect(orders.get(10_000)).toBe('fs')
    expect(orders.get(120_000)).toBe('sf')
  })
})

describe('by session', () => {
  const bySession = (weights: Readonly<Record<string, number>>, session: number | string) =>
    names(arrange(candidates(weights), draw({ strategy: 'session', sessionKey: () => `session-${session}` })))

  test('the same session has the same order, wherever the targets stand', () => {
    fc.assert(
      fc.property(fc.string(), (session) => {
        expect(bySession({ a: 1, b: 1, c: 1 }, session)).toBe(bySession({ c: 1, a: 1, b: 1 }, session))
      }),
    )
  })

  test('a target that is gone moves its own sessions and no others', () => {
    for (let session = 0; session < 2000; session += 1) {
      const all = bySession({ a: 1, b: 1, c: 1 }, session)
      expect(bySession({ a: 1, c: 1 }, session)).toBe(all.replace('b', ''))
    }
  })

  test('sessions are shared out by weight', () => {
    const count = 20_000
    const weighted = candidates({ a: 3, b: 1 })
    const first = firsts(count, (turn) => arrange(weighted, draw({ strategy: 'session', sessionKey: () => `${turn}` })))
    expect(first['a']).toBeCloseTo(count * 0.75, -3)
  })
})
