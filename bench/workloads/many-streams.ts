import { setTimeout as sleep } from 'node:timers/promises'
import type { Bench, Report, Section, Workload } from '../harness/bench.ts'
import { readTreeRssBytes } from '../harness/process-tree.ts'
import { referenceTarget, toVerdict } from '../harness/summary.ts'
import type { CrowdJob, CrowdReport } from '../load/crowd-client.ts'
import { runClient, toStreamCall } from '../load/run-client.ts'
import { floodUser, toStreamRequest } from '../mock/bodies.ts'
import { createStreamMock, setMockMode, type RunningMock } from '../mock/start-mock.ts'
import { bareNetTarget, bareUndiciTarget } from '../targets/bare.ts'
import { nginxTarget } from '../targets/nginx.ts'
import { oursTarget } from '../targets/ours.ts'
import { createTargets, type RunningTarget } from '../targets/target.ts'
import { findCloseMs, peakRssBytes, settledRssBytes, watchWhile, type Sample } from './crowd-watch.ts'

const readers = 1_000
const vanishingReaders = 300
const stalledReaders = 100
const rampMs = 2_000
/** A stream that is late by less than this is slow and not lost. */
const graceMs = 8_000

/** What the three parts of the workload found for one target. */
type Finding = {
  readonly target: string
  readonly idleRssBytes: number
  readonly rssPerStream: number
  /** Streams that were to be read to their end and were not whole, in all parts together. */
  readonly lost: number
  readonly closeMs: number | undefined
  readonly secondWaveLost: number
  readonly rssPerStalledReader: number
  readonly firstEventP50Ms: number
  readonly faults: readonly string[]
}

/** W4: a thousand streams, readers that stall, readers that vanish, and a second wave after them. */
export const manyStreamsWorkload: Workload = {
  name: 'many-streams',
  title: 'W4 many streams: 1,000 at a time',
  run: runManyStreams,
}

async function runManyStreams(bench: Bench): Promise<Report> {
  await using mock = await createStreamMock(bench)
  const plans = [nginxTarget, bareNetTarget, bareUndiciTarget, oursTarget]
  await using targets = await createTargets(bench, plans, { port: mock.port, pid: mock.pid, connections: 4 * readers })
  const findings: Finding[] = []
  for (const target of targets.running.filter(({ role }) => role !== 'direct')) {
    const finding = await measureTarget(bench, mock, target)
    bench.results.append({
      kind: 'crowd',
      workload: 'many-streams',
      streamSeconds: bench.options.streamSeconds,
      ...finding,
    })
    bench.say(
      `  ${target.name.padEnd(18)} ${(finding.rssPerStream / 1024).toFixed(0)} KiB/stream, ${finding.lost} lost`,
    )
    findings.push(finding)
  }
  return { sections: [toCrowdSection(findings, targets.skipped, bench.options.streamSeconds)] }
}

async function measureTarget(bench: Bench, mock: RunningMock, target: RunningTarget): Promise<Finding> {
  await sleep(500)
  const idleRssBytes = readTreeRssBytes(target.pid)
  const { streamSeconds } = bench.options
  const vanishing = { count: vanishingReaders, atMs: rampMs + (streamSeconds * 1000) / 2 }

  const first = await runCrowd({ bench, mock, target, events: streamSeconds, crowd: { vanishing } })
  const vanishedAtMs = first.report.vanishedAtMs
  const beforeVanish = peakRssBytes(first.samples, vanishedAtMs - 2_000, vanishedAtMs)
  const rssPerStream = (beforeVanish - idleRssBytes) / readers

  const second = await runCrowd({ bench, mock, target, events: 2, crowd: {} })

  const beforeStall = readTreeRssBytes(target.pid)
  const third = await runCrowd({
    bench,
    mock,
    target,
    events: 5,
    crowd: { readers: readers - stalledReaders, stalledReaders },
  })
  // What the well-behaved readers need was already taken by the waves before.
  const stalledGrowth = settledRssBytes(third.samples) - Math.max(beforeStall, beforeVanish)

  const reports = [first.report, second.report, third.report]
  const lostOf = ({ faults }: CrowdReport): number => Object.values(faults).reduce((sum, count) => sum + count, 0)
  return {
    target: target.name,
    idleRssBytes,
    rssPerStream,
    lost: reports.reduce((sum, report) => sum + lostOf(report), 0),
    closeMs: findCloseMs(first.samples, { atMs: vanishedAtMs, count: vanishingReaders }),
    secondWaveLost: lostOf(second.report),
    rssPerStalledReader: Math.max(0, stalledGrowth) / stalledReaders,
    firstEventP50Ms: first.report.firstEventP50Ms,
    faults: reports.flatMap(({ faults }, part) =>
      Object.entries(faults).map(([fault, count]) => `part ${part + 1}: ${count} streams: ${fault}`),
    ),
  }
}

async function runCrowd(parts: {
  bench: Bench
  mock: RunningMock
  target: RunningTarget
  events: number
  crowd: { readers?: number; stalledReaders?: number; vanishing?: CrowdJob['vanishing'] }
}): Promise<{ report: CrowdReport; samples: readonly Sample[] }> {
  const { bench, mock, target, events, crowd } = parts
  await setMockMode(mock, { kind: 'paced', events, intervalMs: 1_000 })
  const call = toStreamCall(target, events)
  const lifeMs = call.expectedEvents * 1_000
  const deadlineMs = rampMs + lifeMs + graceMs
  const job: CrowdJob = {
    call,
    readers: crowd.readers ?? readers,
    rampMs,
    stalled: {
      count: crowd.stalledReaders ?? 0,
      // What is kept must be held in memory; here only the buffers are to be seen.
      body: JSON.stringify({ ...toStreamRequest(target.model), user: floodUser, store: false }),
    },
    vanishing: crowd.vanishing ?? { count: 0, atMs: 0 },
    deadlineMs,
  }
  const work = runClient(bench, 'crowd-client.ts', { data: job, timeoutMs: deadlineMs + 5_000 })
  const { value, samples } = await watchWhile({ mock, pid: target.pid }, work)
  // crowd-client.ts prints exactly this type.
  return { report: JSON.parse(value) as CrowdReport, samples }
}

const toKiB = (bytes: number): string => (bytes / 1024).toFixed(0)

function toCrowdSection(findings: readonly Finding[], skipped: readonly string[], streamSeconds: number): Section {
  const ours = findings.find(({ target }) => target === oursTarget.name)
  const nginx = findings.find(({ target }) => target === referenceTarget)
  const nginxKiB = (nginx?.rssPerStream ?? 0) / 1024
  const verdicts =
    ours === undefined
      ? ['ours: not measured (must: 60 KB per stream, 0 lost, upstream closed within 1 s)']
      : [
          toVerdict(
            { what: 'memory per stream', must: 60, goal: Number((1.5 * nginxKiB).toFixed(0)), unit: ' KiB' },
            ours.rssPerStream / 1024,
          ),
          `streams lost: ${ours.lost}, must 0 ${ours.lost === 0 ? 'kept' : 'MISSED'}`,
          `upstream closed after the readers vanished: ${ours.closeMs ?? 'never'} ms, must 1000 ms ${(ours.closeMs ?? Infinity) < 1_000 ? 'kept' : 'MISSED'}`,
          `second wave: ${ours.secondWaveLost} lost, must 0 ${ours.secondWaveLost === 0 ? 'kept' : 'MISSED'}`,
          toVerdict(
            { what: 'memory per stalled reader', must: 1024, goal: 1024, unit: ' KiB' },
            ours.rssPerStalledReader / 1024,
          ),
        ]
  return {
    heading: `${readers} streams of 1 event/s for ${streamSeconds} s, ${vanishingReaders} vanish, ${stalledReaders} stall`,
    columns: [
      'target',
      'idle MiB',
      'KiB/stream',
      'lost',
      'upstream closed ms',
      'second wave lost',
      'KiB/stalled',
      'first event ms',
    ],
    rows: findings.map((finding) => [
      finding.target,
      (finding.idleRssBytes / 2 ** 20).toFixed(0),
      toKiB(finding.rssPerStream),
      String(finding.lost),
      finding.closeMs === undefined ? 'never' : finding.closeMs.toFixed(0),
      String(finding.secondWaveLost),
      toKiB(finding.rssPerStalledReader),
      finding.firstEventP50Ms.toFixed(1),
    ]),
    remarks: [
      ...verdicts,
      ...findings.flatMap(({ target, faults }) => faults.map((fault) => `${target}: ${fault}`)),
      ...skipped,
    ],
  }
}
