import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { Report, Workload } from './bench.ts'
import type { Machine } from './machine.ts'
import { toText } from './render.ts'

const opening = `# Benchmarks

Written by \`npm run bench -- <workload...> --write-docs\`; do not edit by hand. What is measured, how, and what makes a
figure void is told in [bench/README.md](../bench/README.md).

CPU figures are user and system time of the server's processes per unit of work, the median of the rounds with the
smallest and the largest. Ratios are to nginx as a plain proxy in the same round, unless the column names something else.
Compare within a table, never across.
`

function markers(name: string): { begin: string; end: string } {
  return { begin: `<!-- bench:${name} -->`, end: `<!-- /bench:${name} -->` }
}

function toBlock(workload: Workload, report: Report, machine: Machine): string {
  const { begin, end } = markers(workload.name)
  const tree = `${machine.gitSha.slice(0, 12)}${machine.gitDirty ? ' with uncommitted changes' : ''}`
  const about = `${new Date().toISOString().slice(0, 10)}, tree ${tree}, Node ${machine.node}, ${machine.nginx}, ${machine.cores} cores of ${machine.cpu}, load average at start ${machine.loadavg[0]?.toFixed(2)}.`
  return `${begin}\n\n## ${workload.title}\n\n${about}\n\n${toText(report)}\n\n${end}`
}

/** Puts the workload's block into the page, in place of its former one; other workloads keep theirs. */
export function refreshPage(page: string, name: string, block: string): string {
  const { begin, end } = markers(name)
  const start = page.indexOf(begin)
  const stop = page.indexOf(end)
  if (start < 0 || stop < start) return `${page.trimEnd()}\n\n${block}\n`
  return `${page.slice(0, start)}${block}${page.slice(stop + end.length)}`
}

/** Refreshes the blocks of the workloads that ran, creating the page where it is missing. */
export function writeDocs(path: string, machine: Machine, reports: ReadonlyMap<Workload, Report>): void {
  const before = existsSync(path) ? readFileSync(path, 'utf8') : opening
  const after = [...reports].reduce(
    (page, [workload, report]) => refreshPage(page, workload.name, toBlock(workload, report, machine)),
    before,
  )
  writeFileSync(path, after)
}
