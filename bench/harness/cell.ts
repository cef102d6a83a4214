import { loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RunningTarget, TargetRole } from '../targets/target.ts'
import { isServedBy } from './listeners.ts'
import {
  readMachineLoad,
  readTreeCpuMicros,
  readTreeRssBytes,
  toDisturbance,
  type Disturbance,
} from './process-tree.ts'

/** What a load generator reports about one cell. */
export type LoadResult = {
  /** Units of work that were completed and checked. */
  readonly units: number
  readonly wallMs: number
  /** Reasons why the figures mean nothing. */
  readonly voids: readonly string[]
  readonly extra?: Readonly<Record<string, number>>
}

/** One target under one load in one round: a row of the results. */
export type Cell = Disturbance & {
  readonly workload: string
  readonly variant: string
  readonly target: string
  readonly role: TargetRole
  readonly round: number
  /** The first round warms up and does not count. */
  readonly discarded: boolean
  readonly unit: string
  readonly units: number
  readonly cpuMicros: number
  readonly cpuPerUnit: number
  readonly ratePerSecond: number
  readonly wallMs: number
  readonly rssBytes: number
  readonly loadavg: number
  readonly voids: readonly string[]
  readonly notes: readonly string[]
  readonly extra: Readonly<Record<string, number>>
}

/** What identifies a cell. */
export type CellKey = Pick<Cell, 'workload' | 'variant' | 'round' | 'unit'>

/** Time for work that a server does after its reply, such as writing what it stores: it belongs to the unit. */
const settleMs = 300
/** Beyond this the neighbours are noted; the figures still stand, for they are CPU time and not wall time. */
const quietCores = 0.3

/** Puts the load on the target and reads what the target's processes spent on it. */
export async function measureCell(key: CellKey, target: RunningTarget, load: () => Promise<LoadResult>): Promise<Cell> {
  const load1 = loadavg()[0] ?? 0
  const machineBefore = readMachineLoad()
  const cpuBefore = readTreeCpuMicros(target.pid)
  const result = await load().catch((error: unknown): LoadResult => toFailedLoad(error))
  await sleep(settleMs)
  const cpuMicros = readTreeCpuMicros(target.pid) - cpuBefore
  const disturbance = toDisturbance(machineBefore, readMachineLoad())
  const served = isServedBy(target.port, target.pid)
  const units = Math.max(result.units, 0)
  return {
    ...key,
    target: target.name,
    role: target.role,
    discarded: key.round === 0,
    units,
    cpuMicros,
    cpuPerUnit: units > 0 ? cpuMicros / units : 0,
    ratePerSecond: result.wallMs > 0 ? (units / result.wallMs) * 1000 : 0,
    wallMs: result.wallMs,
    rssBytes: readTreeRssBytes(target.pid),
    ...disturbance,
    loadavg: load1,
    voids: [
      ...result.voids,
      ...(served ? [] : [`port ${target.port} is not served by the target's own processes`]),
      ...(units > 0 ? [] : ['nothing was completed']),
    ],
    notes: toNotes(disturbance),
    extra: result.extra ?? {},
  }
}

function toFailedLoad(error: unknown): LoadResult {
  return { units: 0, wallMs: 0, voids: [error instanceof Error ? error.message : String(error)] }
}

function toNotes({ foreignCores, stolenCores }: Disturbance): string[] {
  return [
    ...(foreignCores > quietCores ? [`other programs used ${foreignCores.toFixed(1)} cores`] : []),
    ...(stolenCores > quietCores ? [`the host kept ${stolenCores.toFixed(1)} cores back`] : []),
  ]
}
