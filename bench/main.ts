/** Entry of the bench: `node bench/main.ts <workload...>`; see bench/README.md. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { BenchError } from './harness/bench-error.ts'
import type { Bench, Report, Workload } from './harness/bench.ts'
import { writeDocs } from './harness/docs-page.ts'
import { isInstalled, readMachine, type Machine } from './harness/machine.ts'
import { toText } from './harness/render.ts'
import { createResultsFile } from './harness/results-file.ts'
import { createRandom } from './harness/statistics.ts'
import { createSupervisor } from './harness/supervisor.ts'
import { parseOptions, type Options } from './options.ts'
import { chatWorkload } from './workloads/chat.ts'
import { coldStartWorkload } from './workloads/cold-start.ts'
import { failoverWorkload } from './workloads/failover.ts'
import { latencyWorkload } from './workloads/latency.ts'
import { manyStreamsWorkload } from './workloads/many-streams.ts'
import { replayWorkload } from './workloads/replay.ts'
import { responsesStreamWorkload } from './workloads/responses-stream.ts'
import { responsesWorkload } from './workloads/responses.ts'
import { soakWorkload } from './workloads/soak.ts'
import { streamWorkload } from './workloads/stream.ts'

const workloads: readonly Workload[] = [
  chatWorkload,
  streamWorkload,
  latencyWorkload,
  manyStreamsWorkload,
  coldStartWorkload,
  responsesWorkload,
  responsesStreamWorkload,
  replayWorkload,
  failoverWorkload,
  soakWorkload,
]

function checkPrograms(): void {
  const missing = ['nginx', 'wrk'].filter((name) => !isInstalled(name))
  if (missing.length > 0) throw new BenchError(`not installed: ${missing.join(', ')} (apt-get install nginx-light wrk)`)
}

function createBench(options: Options, scratch: string): Bench {
  const root = dirname(import.meta.dirname)
  return {
    options,
    root,
    scratch,
    supervisor: createSupervisor(scratch),
    results: createResultsFile(join(import.meta.dirname, 'results'), options.workloads),
    random: createRandom(options.seed),
    say: (text) => console.error(text),
  }
}

async function runAll(bench: Bench, machine: Machine): Promise<void> {
  bench.results.append({ kind: 'run', startedAt: new Date().toISOString(), machine, options: bench.options })
  const reports = new Map<Workload, Report>()
  for (const workload of workloads.filter(({ name }) => bench.options.workloads.includes(name))) {
    bench.say(`\n${workload.title}`)
    const report = await workload.run(bench)
    reports.set(workload, report)
    for (const section of report.sections)
      bench.results.append({ kind: 'section', workload: workload.name, ...section })
    console.log(`\n## ${workload.title}\n\n${toText(report)}`)
    if ((report.failures ?? []).length > 0) process.exitCode = 1
  }
  console.log(`\nrows: ${relative(process.cwd(), bench.results.path)}`)
  if (bench.options.writeDocs) writeDocs(join(bench.root, 'docs/benchmarks.md'), machine, reports)
}

async function main(): Promise<void> {
  const names = workloads.map(({ name }) => name)
  const options = parseOptions(process.argv.slice(2), names)
  checkPrograms()
  const scratch = mkdtempSync(join(tmpdir(), 'llama-bench-'))
  const bench = createBench(options, scratch)
  const cleanUp = (): void => {
    bench.supervisor.killAll()
    rmSync(scratch, { recursive: true, force: true })
  }
  process.once('exit', cleanUp)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
  await runAll(bench, readMachine(bench.root))
}

try {
  await main()
} catch (error) {
  if (!(error instanceof BenchError)) throw error
  console.error(error.message)
  process.exitCode = 2
}
