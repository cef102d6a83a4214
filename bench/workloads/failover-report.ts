import type { Section } from '../harness/bench.ts'
import type { Cell } from '../harness/cell.ts'
import { findSpread, pairUp, type Spread } from '../harness/statistics.ts'
import { formatSpread } from '../harness/summary.ts'

/** Requests of a cell, every other one streamed. */
export const requests = 10_000
/** Requests under way at a time. */
export const connections = 32

/** What is compared: the server before different vendors, and told to try the next one at once. */
export const failoverTargets = {
  healthy: 'three that are well',
  hurt: 'one dead, one weak',
  atOnce: 'the same, retries: 0',
} as const

/** Failures in a row that open a breaker and how long it is open at least, both as the server's defaults have them. */
const breaker = { failures: 5, openMs: 10_000 }

/** The figures of a target, or their ratios to the healthy run of the same round. */
function toRow(cells: readonly Cell[], name: string): readonly string[] {
  const counted = cells.filter((cell) => !cell.discarded && cell.voids.length === 0)
  const byRound = (target: string, of: (cell: Cell) => number): Map<number, number> =>
    new Map(counted.filter((cell) => cell.target === target).map((cell) => [cell.round, of(cell)]))
  const spreadOf = (of: (cell: Cell) => number): Spread | undefined => findSpread([...byRound(name, of).values()])
  const ratioOf = (of: (cell: Cell) => number): string =>
    formatSpread(
      findSpread(pairUp(byRound(name, of), byRound(failoverTargets.healthy, of), (own, healthy) => own / healthy)),
      2,
    )
  const p50 = (cell: Cell): number => cell.extra['p50Ms'] ?? NaN
  const p99 = (cell: Cell): number => cell.extra['p99Ms'] ?? NaN
  const cpu = (cell: Cell): number => cell.cpuPerUnit
  return [
    name,
    formatSpread(spreadOf(p50)),
    ratioOf(p50),
    formatSpread(spreadOf(p99)),
    ratioOf(p99),
    formatSpread(spreadOf(cpu)),
    ratioOf(cpu),
    String(byRound(name, cpu).size),
  ]
}

/** The figures with their ratios to the healthy run, and what was called how often. */
export function toFailoverSection(cells: readonly Cell[]): Section {
  const { healthy, hurt, atOnce } = failoverTargets
  const failed = cells.flatMap(({ target, round, voids }) =>
    voids.map((reason) => `${target}, round ${round}: ${reason}, MISSED`),
  )
  return {
    heading: `${requests} requests at ${connections} connections, half of them streamed; weights 1 : 1 : 1`,
    columns: ['targets', 'p50 ms', 'x healthy', 'p99 ms', 'x healthy', 'CPU us/request', 'x healthy', 'rounds'],
    rows: [healthy, hurt, atOnce].map((name) => toRow(cells, name)),
    remarks: [
      failed.length === 0 ? `all ${cells.length} x ${requests} requests were answered` : '',
      ...failed,
      ...[hurt, atOnce].flatMap((name) => toDeadRemarks(cells.filter((cell) => cell.target === name))),
    ].filter((remark) => remark !== ''),
  }
}

/** How often the dead target was called: by those under way when its breaker opened, and then by probes alone. */
function toDeadRemarks(cells: readonly Cell[]): string[] {
  const ofRounds = cells.map((cell) => {
    const calls = cell.extra['dead'] ?? NaN
    const probes = Math.ceil(cell.wallMs / breaker.openMs) + 1
    const most = cell.round === 0 ? breaker.failures + connections + probes : probes
    return { calls, most, weak: cell.extra['weak'] ?? 0, isFirst: cell.round === 0 }
  })
  const toText = (which: string, rounds: typeof ofRounds): string => {
    const range = (of: (round: (typeof ofRounds)[number]) => number): string =>
      [...new Set([Math.min(...rounds.map(of)), Math.max(...rounds.map(of))])].join(' to ')
    const verdict = rounds.every(({ calls, most }) => calls <= most) ? 'kept' : 'MISSED'
    const dead = `the dead one was called ${range(({ calls }) => calls)} times, must ${range(({ most }) => most)} ${verdict}`
    return `${cells[0]?.target}, ${which}: ${dead}; the weak one ${range(({ weak }) => weak)} times`
  }
  return [
    toText(
      'first round, in which the breaker opens',
      ofRounds.filter(({ isFirst }) => isFirst),
    ),
    toText(
      'each later round',
      ofRounds.filter(({ isFirst }) => !isFirst),
    ),
  ]
}
