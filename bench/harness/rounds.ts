import type { RunningTarget } from '../targets/target.ts'
import type { Bench } from './bench.ts'
import { measureCell, type Cell, type CellKey, type LoadResult } from './cell.ts'
import { toShuffled } from './statistics.ts'

/** Cells to be measured: every target under the same load, round after round. */
export type RoundPlan = {
  readonly workload: string
  readonly variant: string
  readonly unit: string
  readonly targets: readonly RunningTarget[]
  readonly load: (target: RunningTarget, round: number) => Promise<LoadResult>
  /** What to do with a pace that the driver may have set: void the cell, note it, or nothing where the pace is given. */
  readonly driverBound: 'void' | 'note' | 'given'
}

/** No workload may take longer; rounds that would are left out and the report says so. */
const budgetMs = 5 * 60_000
/** The direct line must be this much faster than a target, or the driver and not the target set the pace. */
const driverHeadroom = 3

/** Measures all targets in every round, in an order drawn anew for each, and writes the rows. */
export async function runRounds(bench: Bench, plan: RoundPlan): Promise<Cell[]> {
  const cells: Cell[] = []
  const startedMs = performance.now()
  for (let round = 0; round < bench.options.rounds; round += 1) {
    const spentMs = performance.now() - startedMs
    if (round > 0 && spentMs + spentMs / round > budgetMs) {
      bench.say(`  stopping after ${round} rounds: another would exceed ${budgetMs / 60_000} minutes`)
      break
    }
    const ofRound = await runRound(bench, plan, round)
    for (const cell of ofRound) bench.results.append({ kind: 'cell', ...cell })
    cells.push(...ofRound)
  }
  return cells
}

async function runRound(bench: Bench, plan: RoundPlan, round: number): Promise<Cell[]> {
  const key: CellKey = { workload: plan.workload, variant: plan.variant, unit: plan.unit, round }
  const cells: Cell[] = []
  for (const target of toShuffled(plan.targets, bench.random)) {
    const cell = await measureCell(key, target, () => plan.load(target, round))
    cells.push(cell)
    const outcome =
      cell.voids.length > 0 ? `void: ${cell.voids.join('; ')}` : `${cell.cpuPerUnit.toFixed(1)} us/${plan.unit}`
    bench.say(`  round ${round}  ${target.name.padEnd(18)} ${outcome}`)
  }
  return plan.driverBound === 'given' ? cells : applyDriverGate(cells, plan.driverBound)
}

/**
 * Looks for cells whose pace the driver may have set, and voids or notes them.
 *
 * nginx and the bare proxies are never voided: on two cores nothing can drive them three times faster than they run.
 * Their CPU per unit is a floor to compare with, and is noted as taken below saturation.
 */
export function applyDriverGate(cells: readonly Cell[], consequence: 'void' | 'note'): Cell[] {
  const direct = cells.find((cell) => cell.role === 'direct')
  if (direct === undefined) return [...cells]
  return cells.map((cell) => {
    if (cell.role === 'direct' || direct.ratePerSecond >= driverHeadroom * cell.ratePerSecond) return cell
    const reason = `driver-bound: direct is only ${(direct.ratePerSecond / cell.ratePerSecond).toFixed(1)}x faster`
    const isFloor = cell.role === 'reference' || cell.role === 'bare'
    return isFloor || consequence === 'note'
      ? { ...cell, notes: [...cell.notes, reason] }
      : { ...cell, voids: [...cell.voids, reason] }
  })
}
