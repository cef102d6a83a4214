import type { Bench, Report, Section, Workload } from '../harness/bench.ts'
import type { LoadResult } from '../harness/cell.ts'
import { runRounds } from '../harness/rounds.ts'
import { toSection, toSummaries, toVerdict, type Bound } from '../harness/summary.ts'
import { findStreamFault } from '../load/check-reply.ts'
import { driveStreams, toStreamCall } from '../load/run-client.ts'
import type { StreamCall } from '../load/sse-connection.ts'
import type { MockMode } from '../mock/mode.ts'
import { createStreamMock, setMockMode } from '../mock/start-mock.ts'
import { bareNetTarget, bareUndiciTarget } from '../targets/bare.ts'
import { nginxTarget } from '../targets/nginx.ts'
import { oursTarget, oursWithoutStoreTarget } from '../targets/ours.ts'
import { portkeyTarget } from '../targets/portkey.ts'
import { createTargets, type RunningTarget, type TargetPlan, type TargetSet } from '../targets/target.ts'

/** Streams that are read at a time. */
export const streamConnections = 64

const bound: Bound = { what: 'ours to nginx, per event', must: 2.6, goal: 1.6, unit: 'x' }

/** How the events come and how many streams are read. */
export type Pace = {
  readonly variant: string
  readonly mode: MockMode
  readonly durationMs: number
  readonly streamsPerConnection: number
  readonly driverBound: 'note' | 'given'
}

/** The pace of a model, and as fast as the socket drains. */
function toPaces(quick: boolean): readonly Pace[] {
  return [
    {
      variant: 'paced, 200 events/s each',
      mode: { kind: 'paced', events: 256, intervalMs: 5 },
      durationMs: 8_000,
      streamsPerConnection: quick ? 1 : 3,
      driverBound: 'given',
    },
    {
      variant: 'burst, 256 events at once',
      mode: { kind: 'burst', events: 256, intervalMs: 0 },
      durationMs: quick ? 1_000 : 3_000,
      streamsPerConnection: 1_000_000,
      // A burst arrives as one read whoever sets the pace, so the CPU per event stands.
      driverBound: 'note',
    },
  ]
}

/** W2: server-sent events on 64 streams, at the pace of a model and as fast as the socket drains. */
export const streamWorkload: Workload = {
  name: 'stream',
  title: 'W2 stream: server-sent events',
  run: runStream,
}

function runStream(bench: Bench): Promise<Report> {
  const plans = [nginxTarget, bareNetTarget, bareUndiciTarget, oursTarget, oursWithoutStoreTarget, portkeyTarget]
  return runPaces(bench, plans, measurePace)
}

/** What one pace is measured on. */
export type PaceSite = {
  readonly bench: Bench
  readonly targets: TargetSet
  readonly pace: Pace
}

/** Measures one pace after the other, beside a mock whose events come at it. */
export async function runPaces(
  bench: Bench,
  plans: readonly TargetPlan[],
  measure: (site: PaceSite) => Promise<Section>,
): Promise<Report> {
  await using mock = await createStreamMock(bench)
  await using targets = await createTargets(bench, plans, { port: mock.port, pid: mock.pid, connections: 256 })
  const sections: Section[] = []
  for (const pace of toPaces(bench.options.quick)) {
    await setMockMode(mock, pace.mode)
    sections.push(await measure({ bench, targets, pace }))
  }
  return { sections }
}

async function measurePace({ bench, targets, pace }: PaceSite): Promise<Section> {
  bench.say(`stream, ${pace.variant}`)
  await warmUp(bench, targets, pace)
  const cells = await runRounds(bench, {
    workload: 'stream',
    variant: pace.variant,
    unit: 'event',
    targets: targets.running,
    load: (target) => driveChatStreams(bench, target, pace),
    driverBound: pace.driverBound,
  })
  const summaries = toSummaries(
    cells,
    targets.running.map((target) => target.name),
  )
  const section = toSection(`stream, ${pace.variant}, ${streamConnections} streams`, 'event', summaries)
  const ours = summaries.find((summary) => summary.target === oursTarget.name)
  return { ...section, remarks: [toVerdict(bound, ours?.ratio?.median), ...section.remarks, ...targets.skipped] }
}

/** Drives every target for a while before bursts are counted, as W1 does. The pace of a model is no load. */
async function warmUp(bench: Bench, targets: TargetSet, pace: Pace): Promise<void> {
  if (pace.mode.kind !== 'burst') return
  const driven = { ...pace, durationMs: pace.durationMs * 4 }
  for (const target of targets.running) await driveChatStreams(bench, target, driven)
}

/** Checks a stream event by event and then reads them at the pace. */
export async function driveChatStreams(bench: Bench, target: RunningTarget, pace: Pace): Promise<LoadResult> {
  const fault = await findStreamFault(target, pace.mode.events)
  if (fault !== undefined) return { units: 0, wallMs: 0, voids: [fault] }
  return readAtPace(bench, toStreamCall(target, pace.mode.events), pace)
}

/** Reads streams of a call at the pace. */
export async function readAtPace(bench: Bench, call: StreamCall, pace: Pace): Promise<LoadResult> {
  const { durationMs, streamsPerConnection } = pace
  return (await driveStreams(bench, { call, connections: streamConnections, durationMs, streamsPerConnection })).result
}
