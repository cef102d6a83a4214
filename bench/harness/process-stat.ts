import { BenchError } from './bench-error.ts'

/** What one line of `/proc/<pid>/stat` says about a process. Times are clock ticks. */
export type ProcessStat = {
  readonly pid: number
  readonly parentPid: number
  /** User and system time of the process itself. */
  readonly ownTicks: number
  /** User and system time of children that have ended and were waited for. */
  readonly reapedTicks: number
  readonly residentPages: number
}

/** Reads one line of `/proc/<pid>/stat`; the name in parentheses may hold spaces and parentheses itself. */
export function parseProcessStat(line: string): ProcessStat {
  const nameEnd = line.lastIndexOf(')')
  const fields = line
    .slice(nameEnd + 2)
    .trim()
    .split(' ')
  const at = (index: number): number => Number(fields[index])
  // Numbered as in proc(5), where the state after the name is field 3.
  const stat = {
    pid: Number.parseInt(line, 10),
    parentPid: at(4 - 3),
    ownTicks: at(14 - 3) + at(15 - 3),
    reapedTicks: at(16 - 3) + at(17 - 3),
    residentPages: at(24 - 3),
  }
  if (nameEnd < 0 || Object.values(stat).some(Number.isNaN)) throw new BenchError(`not a process stat line: ${line}`)
  return stat
}

/** Ticks of all cores so far. */
export type MachineTicks = {
  /** Everything but idle and waiting for a disk. */
  readonly busy: number
  /** Time in which a virtual machine wanted to run and its host did not let it. */
  readonly stolen: number
}

/** Reads the first line of `/proc/stat`. */
export function parseMachineTicks(procStat: string): MachineTicks {
  const fields = procStat.slice(0, procStat.indexOf('\n')).trim().split(/\s+/).slice(1).map(Number)
  const [user = NaN, nice = NaN, system = NaN, , , irq = 0, softIrq = 0, stolen = 0] = fields
  const busy = user + nice + system + irq + softIrq
  if (Number.isNaN(busy)) throw new BenchError('the first line of /proc/stat could not be read')
  return { busy, stolen }
}

/** The processes that descend from the root, the root included. */
export function findTree(all: readonly ProcessStat[], rootPid: number): ProcessStat[] {
  const tree = all.filter((stat) => stat.pid === rootPid)
  const children = Map.groupBy(all, (stat) => stat.parentPid)
  // The list grows while it is walked: that is the breadth-first search.
  for (const member of tree) tree.push(...(children.get(member.pid) ?? []))
  return tree
}
