import type { Section } from './bench.ts'
import type { Cell } from './cell.ts'
import { findSpread, pairUp, type Spread } from './statistics.ts'

/** What the rounds of one target come to. */
export type Summary = {
  readonly target: string
  /** The target that the ratios are to. */
  readonly reference: string
  readonly cpuPerUnit: Spread | undefined
  /** Ratios to the reference, one per round. */
  readonly ratio: Spread | undefined
  readonly ratePerSecond: Spread | undefined
  readonly rssBytes: Spread | undefined
  /** Reasons for which cells were voided, with how many. */
  readonly voids: readonly string[]
  readonly notes: readonly string[]
  readonly rounds: number
}

/** The name of the target that ratios are to, where a workload says nothing else. */
export const referenceTarget = 'nginx'

/** Sums up the cells that count, target by target, in the order of their first appearance in `order`. */
export function toSummaries(
  cells: readonly Cell[],
  order: readonly string[],
  toReference: (target: string) => string = () => referenceTarget,
): Summary[] {
  const counted = cells.filter((cell) => !cell.discarded)
  const valid = counted.filter((cell) => cell.voids.length === 0)
  const byRound = (target: string): Map<number, number> =>
    new Map(valid.filter((cell) => cell.target === target).map((cell) => [cell.round, cell.cpuPerUnit]))
  return order.map((target) => {
    const own = valid.filter((cell) => cell.target === target)
    const all = counted.filter((cell) => cell.target === target)
    const reference = toReference(target)
    return {
      target,
      reference,
      cpuPerUnit: findSpread(own.map((cell) => cell.cpuPerUnit)),
      ratio: findSpread(pairUp(byRound(target), byRound(reference), (mine, other) => mine / other)),
      ratePerSecond: findSpread(own.map((cell) => cell.ratePerSecond)),
      rssBytes: findSpread(own.map((cell) => cell.rssBytes)),
      voids: toCounted(all.flatMap((cell) => cell.voids.slice(0, 1))),
      notes: toCounted(all.flatMap((cell) => cell.notes.map((note) => note.replace(/[\d.]+/g, '#')))),
      rounds: own.length,
    }
  })
}

function toCounted(reasons: readonly string[]): string[] {
  return [...Map.groupBy(reasons, (reason) => reason)].map(([reason, all]) => `${reason} (${all.length} of the cells)`)
}

/** Median with range, in the digits that a reader can use. */
export function formatSpread(spread: Spread | undefined, digits = 1): string {
  if (spread === undefined) return '-'
  return `${spread.median.toFixed(digits)} (${spread.min.toFixed(digits)} - ${spread.max.toFixed(digits)})`
}

/** The usual table: CPU per unit, ratio to the reference that all targets share, pace, memory. */
export function toSection(heading: string, unit: string, summaries: readonly Summary[]): Section {
  return {
    heading,
    columns: [
      'target',
      `CPU us/${unit}`,
      `x ${summaries[0]?.reference ?? referenceTarget}`,
      `${unit}s/s`,
      'RSS MiB',
      'rounds',
    ],
    rows: summaries.map((summary) => [
      summary.target,
      formatSpread(summary.cpuPerUnit),
      formatSpread(summary.ratio, 2),
      summary.ratePerSecond?.median.toFixed(0) ?? '-',
      summary.rssBytes === undefined ? '-' : (summary.rssBytes.median / 2 ** 20).toFixed(0),
      String(summary.rounds),
    ]),
    remarks: summaries.flatMap(({ target, voids }) => voids.map((reason) => `void: ${target}: ${reason}`)),
  }
}

/** A bound that a figure is held against: what must be reached and what is aimed at. */
export type Bound = { readonly what: string; readonly must: number; readonly goal: number; readonly unit: string }

/** Says whether the bound is kept, and how far the goal is. */
export function toVerdict(bound: Bound, value: number | undefined): string {
  const { what, must, goal, unit } = bound
  if (value === undefined) return `${what}: not measured (must: ${must}${unit}, goal: ${goal}${unit})`
  const distance = value <= goal ? 'goal reached' : `${(value / goal).toFixed(2)}x the goal of ${goal}${unit}`
  return `${what}: ${value.toFixed(2)}${unit}, must ${must}${unit} ${value <= must ? 'kept' : 'MISSED'}, ${distance}`
}
