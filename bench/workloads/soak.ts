import { setTimeout as sleep } from 'node:timers/promises'
import type { Bench, Report, Workload } from '../harness/bench.ts'
import { BenchError } from '../harness/bench-error.ts'
import { findFreePort } from '../harness/listeners.ts'
import { readLastWords } from '../harness/supervisor.ts'
import { runClient } from '../load/run-client.ts'
import type { SoakJob, SoakOpening, SoakReport } from '../load/soak-client.ts'
import { createVendors } from '../mock/start-mock.ts'
import type { VendorFault, VendorsJob } from '../mock/vendors-mock-server.ts'
import { toProbeSocket, toSoakProgram } from '../targets/soak-target.ts'
import { createSite } from '../targets/target.ts'
import { toSampleLine, toSoakReport } from './soak-report.ts'
import { sampleWhile, takeSample, type SoakSample, type SoakWatched } from './soak-watch.ts'

const visitsPerSecond = 40
/** The server remembers how 2,000 models are; by chance the visits have a few slow readers at a time. */
const opening: SoakOpening = { strangers: 2_500, slowReaders: 16 }
const periodMs = 10_000
/** After the last visit: time for idle connections to be given up on both sides. */
const quietMs = 20_000
const graceMs = 60_000
/** The pause between the events of a stream. */
const intervalMs = 10

/** What the weak vendor does to half of its calls: a vendor's bad day at once. */
const faults: readonly VendorFault[] = [
  'resets before the headers',
  'resets within the headers',
  'resets within the body',
  'resets within the stream',
  'closes before the headers',
  'closes within the body',
  'ends the stream without its end',
  'stalls before the headers',
  'stalls within the body',
  'stalls within the stream',
  'answers 429',
  'answers 429 with Retry-After: 1',
  'answers 500',
  'answers 503',
  'answers 502 with a page',
  'truncates its JSON',
  'does not speak HTTP',
  'resets when idle',
]

/** Mixed traffic with faults: memory and sockets must stay flat. */
export const soakWorkload: Workload = {
  name: 'soak',
  title: 'Soak: mixed traffic with faults and disconnects',
  run: runSoak,
}

async function runSoak(bench: Bench): Promise<Report> {
  const [port, mutePort, deadPort] = [
    await findFreePort(bench.random),
    await findFreePort(bench.random),
    await findFreePort(bench.random),
  ]
  const job: VendorsJob = { port, mutePort, faults, intervalMs, seed: bench.options.seed }
  await using vendors = await createVendors(bench, job)
  const site = await createSite(bench, 'soak', { port, connections: 0 })
  await using server = await bench.supervisor.startServer(toSoakProgram(site, { port, mutePort, deadPort }), site.port)
  const watched = { probeSocket: toProbeSocket(site), serverPid: server.pid, vendorPid: vendors.pid }
  await sleep(1_000)
  const before = await takeSample(watched)
  const { samples, traffic } = await soak(bench, watched, site.port).catch(async (error: unknown) => {
    // A server that died is told by its exit, which may be noticed later than that it does not answer.
    await sleep(500)
    throw new BenchError(`the soak broke off: ${String(error)}; the server's last words: ${readLastWords(server)}`)
  })
  await sleep(quietMs)
  const after = await takeSample(watched)
  for (const [moment, sample] of Object.entries({ before, after })) {
    bench.results.append({ kind: 'soak', moment, ...sample })
  }
  return toSoakReport({ samples, traffic, before, after, visitsPerSecond })
}

async function soak(bench: Bench, watched: SoakWatched, port: number) {
  const durationMs = bench.options.minutes * 60_000
  const job: SoakJob = { port, visitsPerSecond, durationMs, opening, seed: bench.options.seed }
  const samples: SoakSample[] = []
  const onSample = (sample: SoakSample): void => {
    samples.push(sample)
    bench.results.append({ kind: 'soak', moment: 'under way', ...sample })
    if (samples.length % 6 !== 1) return
    bench.say(`  ${((samples.length * periodMs) / 60_000).toFixed(0).padStart(3)} min  ${toSampleLine(sample)}`)
  }
  const work = runClient(bench, 'soak-client.ts', { data: job, timeoutMs: durationMs + graceMs })
  const printed = await sampleWhile({ watched, periodMs, onSample }, work)
  // soak-client.ts prints exactly this type.
  const traffic = JSON.parse(printed) as SoakReport
  bench.results.append({ kind: 'soak-traffic', ...traffic })
  return { samples: samples.slice(0, Math.floor(durationMs / periodMs)), traffic }
}
