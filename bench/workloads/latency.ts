import type { Bench, Report, Section, Workload } from '../harness/bench.ts'
import { findSpread, pairUp, quantile, findModes } from '../harness/statistics.ts'
import { formatSpread, referenceTarget, toVerdict, type Bound } from '../harness/summary.ts'
import type { LatencyJob, LatencyReport, TargetLatency } from '../load/latency-client.ts'
import { runClient, toStreamCall } from '../load/run-client.ts'
import { createStreamMock, setMockMode, type RunningMock } from '../mock/start-mock.ts'
import { bareNetTarget, bareUndiciTarget } from '../targets/bare.ts'
import { nginxTarget } from '../targets/nginx.ts'
import { oursTarget } from '../targets/ours.ts'
import { portkeyTarget } from '../targets/portkey.ts'
import { createTargets, type RunningTarget, type TargetSet } from '../targets/target.ts'

const intervalMs = 20
const stepsMs = [5, 25, 40, 200]
/** The least share of the values that makes a mode. */
const stepShare = 0.05

/** How many streams at a time, how long, how often. */
type Shape = {
  readonly variant: string
  readonly connections: number
  readonly events: number
  readonly repeats: number
}

function toShapes(quick: boolean): readonly Shape[] {
  return [
    { variant: '1 stream', connections: 1, events: 3, repeats: quick ? 12 : 40 },
    { variant: '16 streams, 50 events/s each', connections: 16, events: 20, repeats: quick ? 2 : 4 },
  ]
}

/** What one round found for one target, in milliseconds more than the direct line. */
type Added = {
  readonly round: number
  readonly target: string
  readonly firstEventMs: number
  readonly gapP50Ms: number
  readonly gapP99Ms: number
  readonly voids: readonly string[]
  readonly steps: readonly string[]
}

/** W3: what a target adds to the time of the first event and to the gaps between events. */
export const latencyWorkload: Workload = {
  name: 'latency',
  title: 'W3 latency: added time to first event, added gaps',
  run: runLatency,
}

async function runLatency(bench: Bench): Promise<Report> {
  await using mock = await createStreamMock(bench)
  const plans = [nginxTarget, bareNetTarget, bareUndiciTarget, oursTarget, portkeyTarget]
  await using targets = await createTargets(bench, plans, { port: mock.port, pid: mock.pid, connections: 256 })
  const streaming = await keepStreaming(bench, mock, targets)
  const sections: Section[] = []
  for (const shape of toShapes(bench.options.quick)) {
    sections.push(await measureShape({ bench, mock, targets: streaming.running, shape, skipped: streaming.skipped }))
  }
  return { sections }
}

/** Leaves out targets that cannot stream at all: one of them would hold up every repeat. */
async function keepStreaming(bench: Bench, mock: RunningMock, targets: TargetSet): Promise<TargetSet> {
  await setMockMode(mock, { kind: 'paced', events: 3, intervalMs: 1 })
  const report = await runJob(bench, targets.running, { connections: 1, events: 3, repeats: 1 })
  const broken = new Map(
    report.flatMap(({ name, faults }) => Object.keys(faults).map((fault) => [name, fault] as const)),
  )
  return {
    ...targets,
    running: targets.running.filter(({ name }) => !broken.has(name)),
    skipped: [...targets.skipped, ...[...broken].map(([name, fault]) => `skipped: ${name}: cannot stream: ${fault}`)],
  }
}

async function runJob(
  bench: Bench,
  targets: readonly RunningTarget[],
  shape: Omit<Shape, 'variant'>,
): Promise<LatencyReport> {
  const { repeats, connections, events } = shape
  const calls = targets.map((target) => ({ name: target.name, call: toStreamCall(target, events) }))
  const job: LatencyJob = { targets: calls, repeats, connections, seed: Math.floor(bench.random() * 2 ** 32) }
  const expectedMs = (repeats + 1) * targets.length * (events + 2) * intervalMs
  const printed = await runClient(bench, 'latency-client.ts', { data: job, timeoutMs: expectedMs * 3 + 5_000 })
  // latency-client.ts prints exactly this type.
  return JSON.parse(printed) as LatencyReport
}

async function measureShape(parts: {
  bench: Bench
  mock: RunningMock
  targets: readonly RunningTarget[]
  shape: Shape
  skipped: readonly string[]
}): Promise<Section> {
  const { bench, mock, targets, shape, skipped } = parts
  bench.say(`latency, ${shape.variant}`)
  await setMockMode(mock, { kind: 'paced', events: shape.events, intervalMs })
  const rows: Added[] = []
  for (let round = 0; round < bench.options.rounds; round += 1) {
    const report = await runJob(bench, targets, shape)
    const added = toAddedRows(report, round)
    for (const row of added) {
      bench.results.append({
        kind: 'latency',
        workload: 'latency',
        variant: shape.variant,
        discarded: round === 0,
        ...row,
      })
      bench.say(`  round ${round}  ${row.target.padEnd(18)} first event ${row.firstEventMs.toFixed(3)} ms later`)
    }
    if (round > 0) rows.push(...added)
  }
  return toLatencySection({ shape, rows, names: targets.map(({ name }) => name), skipped })
}

function toAddedRows(report: LatencyReport, round: number): Added[] {
  const direct = report.find(({ name }) => name === 'direct')
  if (direct === undefined) return []
  return report.map((target) => {
    const voids = Object.entries(target.faults).map(([fault, count]) => `${count} streams: ${fault}`)
    const first = target.firstEventMs.map((value, index) => value - (direct.firstEventMs[index] ?? NaN))
    const gapAt = (q: number): number => quantile(target.gapsMs, q) - quantile(direct.gapsMs, q)
    return {
      round,
      target: target.name,
      firstEventMs: quantile(first, 0.5),
      gapP50Ms: gapAt(0.5),
      gapP99Ms: gapAt(0.99),
      voids,
      steps: target === direct ? [] : findSteps(target, direct, first),
    }
  })
}

function findSteps(target: TargetLatency, direct: TargetLatency, addedFirstMs: readonly number[]): string[] {
  const modesOf = (gapsMs: readonly number[]): number[] => {
    const offPaceMs = gapsMs.map((gap) => Math.abs(gap - intervalMs))
    return findModes(offPaceMs, stepsMs, stepShare)
  }
  const ofDirect = modesOf(direct.gapsMs)
  const ofGaps = modesOf(target.gapsMs).filter((step) => !ofDirect.includes(step))
  return [
    ...findModes(addedFirstMs, stepsMs, stepShare).map((step) => `first event near +${step} ms`),
    ...ofGaps.map((step) => `gaps off by about ${step} ms`),
  ]
}

const firstEventBound: Bound = { what: 'added time to first event, ours to nginx', must: 4, goal: 2, unit: 'x' }
const gapBound: Bound = { what: 'added gap p99', must: 0.2, goal: 0.2, unit: ' ms' }

function toLatencySection(parts: {
  shape: Shape
  rows: readonly Added[]
  names: readonly string[]
  skipped: readonly string[]
}): Section {
  const { shape, rows, names, skipped } = parts
  const valid = rows.filter((row) => row.voids.length === 0)
  const of = (target: string): Added[] => valid.filter((row) => row.target === target)
  const byRound = (target: string): Map<number, number> =>
    new Map(of(target).map((row) => [row.round, row.firstEventMs]))
  const ratios = pairUp(byRound(oursTarget.name), byRound(referenceTarget), (ours, nginx) => ours / nginx)
  const gap = findSpread(of(oursTarget.name).map((row) => row.gapP99Ms))
  const steps = names.flatMap((name) => {
    const seen = of(name).filter((row) => row.steps.length > 0)
    // Once may be a neighbour on the machine; in most rounds it is the target.
    return seen.length * 2 > of(name).length
      ? [`step: ${name}: ${[...new Set(seen.flatMap((row) => row.steps))].join(', ')}`]
      : []
  })
  return {
    heading: `latency, ${shape.variant}: milliseconds more than the direct line`,
    columns: ['target', 'first event', 'gap p50', 'gap p99', 'rounds'],
    rows: names.map((name) => [
      name,
      formatSpread(findSpread(of(name).map((row) => row.firstEventMs)), 3),
      formatSpread(findSpread(of(name).map((row) => row.gapP50Ms)), 3),
      formatSpread(findSpread(of(name).map((row) => row.gapP99Ms)), 3),
      String(of(name).length),
    ]),
    remarks: [
      toVerdict(firstEventBound, findSpread(ratios)?.median),
      toVerdict(gapBound, gap?.median),
      steps.length === 0 ? 'no steps near 5, 25, 40 or 200 ms' : steps.join('; '),
      ...rows.flatMap((row) => row.voids.map((reason) => `void: ${row.target}, round ${row.round}: ${reason}`)),
      ...skipped,
    ],
  }
}
