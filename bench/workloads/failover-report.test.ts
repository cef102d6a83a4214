import { expect, test } from 'vitest'
import type { Cell } from '../harness/cell.ts'
import { failoverTargets, toFailoverSection } from './failover-report.ts'

const { healthy, hurt, atOnce } = failoverTargets

function toCell(target: string, round: number, more: Partial<Cell> = {}): Cell {
  return {
    workload: 'failover',
    variant: 'half streamed',
    target,
    role: 'ours',
    round,
    discarded: round === 0,
    unit: 'request',
    units: 10_000,
    cpuMicros: 4_000_000,
    cpuPerUnit: 400,
    ratePerSecond: 2_000,
    wallMs: 5_000,
    rssBytes: 2 ** 28,
    foreignCores: 0,
    stolenCores: 0,
    loadavg: 1,
    voids: [],
    notes: [],
    extra: { p50Ms: 10, p99Ms: 40, dead: target === healthy ? 0 : 1, weak: 50, well: 9_950 },
    ...more,
  }
}

function toCells(replaced: readonly Cell[] = []): Cell[] {
  const cells = [0, 1, 2].flatMap((round) => [healthy, hurt, atOnce].map((target) => toCell(target, round)))
  return cells.map(
    (cell) => replaced.find(({ target, round }) => target === cell.target && round === cell.round) ?? cell,
  )
}

test('ratios are to the healthy run of the same round, the first one left out', () => {
  const extra = { p50Ms: 11, p99Ms: 60, dead: 30, weak: 40, well: 9_960 }
  const { rows } = toFailoverSection(
    toCells([
      toCell(hurt, 0, { cpuPerUnit: 4_000 }),
      toCell(hurt, 1, { cpuPerUnit: 500, extra: { ...extra, dead: 1 } }),
      toCell(hurt, 2, { cpuPerUnit: 600, extra: { ...extra, dead: 1 } }),
    ]),
  )
  const [name, , p50, , p99, , cpu, rounds] = rows[1] ?? []
  expect([name, p50, p99, cpu, rounds]).toEqual([
    hurt,
    '1.10 (1.10 - 1.10)',
    '1.50 (1.50 - 1.50)',
    '1.38 (1.25 - 1.50)',
    '2',
  ])
})

test('the breaker may open once, at the cost of what is under way', () => {
  const calls = (dead: number) => ({ extra: { p50Ms: 10, p99Ms: 40, dead, weak: 50, well: 9_950 } })
  const remarksOf = (cell: Cell) => toFailoverSection(toCells([cell])).remarks.join('\n')
  expect(remarksOf(toCell(hurt, 0, calls(39)))).not.toContain('MISSED')
  expect(remarksOf(toCell(hurt, 0, calls(40)))).toMatch(/first round.* called 40 times, must 39 MISSED/)
  expect(remarksOf(toCell(hurt, 2, calls(2)))).not.toContain('MISSED')
  expect(remarksOf(toCell(hurt, 2, calls(3)))).toMatch(/each later round: .* called 1 to 3 times, must 2 MISSED/)
})

test('a request that was not answered is told, in whichever round', () => {
  const { remarks } = toFailoverSection(toCells([toCell(atOnce, 0, { voids: ['1 requests: status 503'] })]))
  expect(remarks[0]).toBe(`${atOnce}, round 0: 1 requests: status 503, MISSED`)
  expect(toFailoverSection(toCells()).remarks[0]).toBe('all 9 x 10000 requests were answered')
})
