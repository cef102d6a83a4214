import { readFileSync, readdirSync } from 'node:fs'
import { findTree, parseMachineTicks, parseProcessStat, type ProcessStat } from './process-stat.ts'

/** Linux reports process times in ticks of 10 ms (`getconf CLK_TCK` is 100 on every supported architecture). */
const microsPerTick = 10_000
const bytesPerPage = 4096

function readIfAlive(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    // A process may end between the listing and the reading; then it has nothing to add.
    return undefined
  }
}

function readProcesses(): ProcessStat[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      const line = readIfAlive(`/proc/${pid}/stat`)
      return line === undefined ? [] : [parseProcessStat(line)]
    })
}

/** Pids of the process and of everything below it. */
export function readTreePids(rootPid: number): number[] {
  return findTree(readProcesses(), rootPid).map((stat) => stat.pid)
}

/** CPU time so far of the process tree in microseconds, with children that have already ended; 10 ms resolution. */
export function readTreeCpuMicros(rootPid: number): number {
  const ticks = findTree(readProcesses(), rootPid).reduce((sum, stat) => sum + stat.ownTicks + stat.reapedTicks, 0)
  return ticks * microsPerTick
}

/** Resident memory of the process tree in bytes; pages that its processes share are counted once per process. */
export function readTreeRssBytes(rootPid: number): number {
  return findTree(readProcesses(), rootPid).reduce((sum, stat) => sum + stat.residentPages * bytesPerPage, 0)
}

/**
 * CPU time so far of the live threads of the tree in microseconds, from the scheduler's nanosecond counters.
 *
 * A start takes less than a hundred ms, too little for the 10 ms ticks of `stat`. Threads that ended are missing here,
 * so the larger of the two counters is taken.
 */
export function readTreeStartMicros(rootPid: number): number {
  const nanos = readTreePids(rootPid)
    .flatMap((pid) => readThreads(pid).map((thread) => readIfAlive(`/proc/${pid}/task/${thread}/schedstat`)))
    .reduce((sum, line) => sum + Number.parseInt(line ?? '0', 10), 0)
  return Math.max(nanos / 1000, readTreeCpuMicros(rootPid))
}

function readThreads(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    // The process has ended.
    return []
  }
}

/** Counters from which the share of the machine taken by others is computed. */
export type MachineLoad = {
  readonly busyMicros: number
  readonly stolenMicros: number
  readonly ownMicros: number
  readonly atMs: number
}

/** Reads how busy the machine has been so far, and how much of that was the harness with all its children. */
export function readMachineLoad(): MachineLoad {
  const ticks = parseMachineTicks(readFileSync('/proc/stat', 'latin1'))
  return {
    busyMicros: ticks.busy * microsPerTick,
    stolenMicros: ticks.stolen * microsPerTick,
    ownMicros: readTreeCpuMicros(process.pid),
    atMs: performance.now(),
  }
}

/** Cores that were not there for us between two readings. */
export type Disturbance = {
  /** Kept busy by programs other than ours. */
  readonly foreignCores: number
  /** Kept back by the host of a virtual machine. */
  readonly stolenCores: number
}

/** Computes the disturbance between two readings. */
export function toDisturbance(before: MachineLoad, after: MachineLoad): Disturbance {
  const wallMicros = Math.max(1, (after.atMs - before.atMs) * 1000)
  const foreignMicros = after.busyMicros - before.busyMicros - (after.ownMicros - before.ownMicros)
  return {
    foreignCores: Math.max(0, foreignMicros / wallMicros),
    stolenCores: (after.stolenMicros - before.stolenMicros) / wallMicros,
  }
}
