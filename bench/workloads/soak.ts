import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Bench, Report, Section, Workload } from '../harness/bench.ts'
import { findFreePort } from '../harness/listeners.ts'
import { quantile } from '../harness/statistics.ts'
import { fitTrend, toSparkline } from '../harness/trend.ts'
import { runClient } from '../load/run-client.ts'
import type { SoakJob, SoakReport } from '../load/soak-client.ts'
import { toProbeSocket, toSoakProgram } from '../targets/soak-target.ts'
import { createSite } from '../targets/target.ts'
import { sampleWhile, takeSample, type SoakSample, type SoakWatched } from './soak-watch.ts'

const visitsPerSecond = 40
const periodMs = 10_000
/** After the last visit: time for idle connections to be given up on both sides. */
const quietMs = 20_000
const graceMs = 60_000
const mebibyte = 2 ** 20

/** Mixed traffic with faults: memory and sockets must stay flat. */
export const soakWorkload: Workload = {
  name: 'soak',
  title: 'Soak: mixed traffic with faults and disconnects',
  run: runSoak,
}

/** A quantity that must not grow. */
type Watch = {
  readonly what: string
  readonly of: (sample: SoakSample) => number
  readonly unit: string
  readonly digits: number
  /** The most that the lower end of the slope's interval may be, per hour. */
  readonly mostPerHour?: number
}

const watches: readonly Watch[] = [
  { what: 'heap used', of: ({ heapBytes }) => heapBytes / mebibyte, unit: ' MiB', digits: 2, mostPerHour: 2 },
  { what: 'external', of: ({ externalBytes }) => externalBytes / mebibyte, unit: ' MiB', digits: 2, mostPerHour: 2 },
  { what: 'RSS', of: ({ rssBytes }) => rssBytes / mebibyte, unit: ' MiB', digits: 1, mostPerHour: 16 },
  { what: 'sockets of the server', of: ({ serverSockets }) => serverSockets, unit: '', digits: 0, mostPerHour: 4 },
  { what: 'sockets of the vendors', of: ({ vendorSockets }) => vendorSockets, unit: '', digits: 0, mostPerHour: 4 },
  { what: 'active handles', of: (sample) => countHandles(sample), unit: '', digits: 0, mostPerHour: 4 },
  { what: 'event loop delay p99', of: ({ loopDelayP99Ms }) => loopDelayP99Ms, unit: ' ms', digits: 1 },
]

function countHandles({ handles }: SoakSample): number {
  return Object.values(handles).reduce((sum, count) => sum + count, 0)
}

async function runSoak(bench: Bench): Promise<Report> {
  const [port, mutePort, deadPort] = [
    await findFreePort(bench.random),
    await findFreePort(bench.random),
    await findFreePort(bench.random),
  ]
  const script = join(bench.root, 'bench/mock/soak-mock-server.ts')
  const vendorProgram = { name: 'vendors', command: process.execPath, args: [script, String(port), String(mutePort)] }
  await using vendors = await bench.supervisor.startServer(vendorProgram, port)
  const site = await createSite(bench, 'soak', { port, connections: 0 })
  await using server = await bench.supervisor.startServer(toSoakProgram(site, { port, mutePort, deadPort }), site.port)
  const watched = { probeSocket: toProbeSocket(site), serverPid: server.pid, vendorPid: vendors.pid }
  await sleep(1_000)
  const before = await takeSample(watched)
  const { samples, traffic } = await soak(bench, watched, site.port)
  await sleep(quietMs)
  const after = await takeSample(watched)
  for (const [moment, sample] of Object.entries({ before, after })) {
    bench.results.append({ kind: 'soak', moment, ...sample })
  }
  return toReport({ bench, samples, traffic, before, after })
}

async function soak(bench: Bench, watched: SoakWatched, port: number) {
  const durationMs = bench.options.minutes * 60_000
  const job: SoakJob = { port, visitsPerSecond, durationMs, seed: bench.options.seed }
  const samples: SoakSample[] = []
  const onSample = (sample: SoakSample): void => {
    samples.push(sample)
    bench.results.append({ kind: 'soak', moment: 'under way', ...sample })
    if (samples.length % 6 !== 1) return
    const texts = watches.map(({ what, of, unit, digits }) => `${what} ${of(sample).toFixed(digits)}${unit}`)
    bench.say(`  ${((samples.length * periodMs) / 60_000).toFixed(0).padStart(3)} min  ${texts.join(', ')}`)
  }
  const work = runClient(bench, 'soak-client.ts', { data: job, timeoutMs: durationMs + graceMs })
  const printed = await sampleWhile({ watched, periodMs, onSample }, work)
  // soak-client.ts prints exactly this type.
  const traffic = JSON.parse(printed) as SoakReport
  bench.results.append({ kind: 'soak-traffic', ...traffic })
  return { samples: samples.slice(0, Math.floor(durationMs / periodMs)), traffic }
}

type Outcome = {
  readonly bench: Bench
  readonly samples: readonly SoakSample[]
  readonly traffic: SoakReport
  readonly before: SoakSample
  readonly after: SoakSample
}

function toReport(outcome: Outcome): Report {
  const memory = toMemorySection(outcome)
  const visits = toVisitSection(outcome)
  const failures = [...memory.remarks, ...visits.remarks].filter((remark) => remark.includes('MISSED'))
  return { sections: [memory, visits], failures }
}

function toMemorySection({ bench, samples, before, after }: Outcome): Section {
  const half = samples.slice(Math.floor(samples.length / 2))
  const rows = watches.map((watch) => {
    const { what, of, unit, digits, mostPerHour } = watch
    const { perHour, plusMinus } = fitTrend(half.map((sample) => ({ atMs: sample.atMs, value: of(sample) })))
    const show = (value: number): string => `${value.toFixed(digits)}${unit}`
    const middle = (part: readonly SoakSample[]): string => show(quantile(part.map(of), 0.5))
    const verdict = mostPerHour === undefined ? '' : perHour - plusMinus <= mostPerHour ? 'kept' : 'MISSED'
    return {
      cells: [
        what,
        show(of(before)),
        middle(samples.slice(0, Math.floor(samples.length / 2))),
        middle(half),
        show(Math.max(...samples.map(of))),
        show(of(after)),
        `${perHour.toFixed(2)} ± ${plusMinus.toFixed(2)}`,
        mostPerHour === undefined ? '-' : `${mostPerHour} ${verdict}`,
      ],
      remark: verdict === 'MISSED' ? [`${what} grows by ${perHour.toFixed(2)}${unit} per hour, MISSED`] : [],
    }
  })
  const picture = (what: string, of: (sample: SoakSample) => number): string => {
    const values = samples.map(of)
    const [least, most] = [Math.min(...values), Math.max(...values)].map((value) => (value / mebibyte).toFixed(1))
    return `${what.padEnd(4)} ${toSparkline(values, 60)} ${least} to ${most} MiB`
  }
  const seconds = ((samples.at(-1)?.atMs ?? 0) - (samples[0]?.atMs ?? 0)) / 1_000
  const cpuShare = ((samples.at(-1)?.cpuMicros ?? 0) - (samples[0]?.cpuMicros ?? 0)) / 1e6 / seconds
  return {
    heading: `memory and sockets over ${bench.options.minutes} minutes, ${visitsPerSecond} visits/s`,
    columns: ['', 'before', 'first half', 'second half', 'highest', 'after', 'slope/h', 'most/h'],
    rows: rows.map(({ cells }) => cells),
    remarks: [
      `\`${picture('RSS', ({ rssBytes }) => rssBytes)}\``,
      `\`${picture('heap', ({ heapBytes }) => heapBytes)}\``,
      ...rows.flatMap(({ remark }) => remark),
      `CPU of the server: ${(cpuShare * 100).toFixed(1)} % of a core, the collections for the samples included`,
    ],
  }
}

function toVisitSection({ traffic }: Outcome): Section {
  const visits = Object.entries(traffic.visits)
  const wrong = visits.flatMap(([name, count]) =>
    Object.entries(count.wrong).map(([what, times]) => `${name}: ${times} times ${what}, MISSED`),
  )
  return {
    heading: 'the visits',
    columns: ['visit', 'as it should be', 'error of a vendor', 'wrong'],
    rows: visits.map(([name, { answered, failed, wrong: ways }]) => [
      name,
      String(answered),
      String(failed),
      String(Object.values(ways).reduce((sum, times) => sum + times, 0)),
    ]),
    remarks: [
      ...wrong,
      ...(traffic.postponed === 0 ? [] : [`${traffic.postponed} visits were put off because too many were under way`]),
    ],
  }
}
