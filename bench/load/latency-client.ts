/** Entry of the latency client: `node latency-client.ts <LatencyJob as JSON>`; prints a LatencyReport as JSON. */
import { createRandom, toShuffled } from '../harness/statistics.ts'
import {
  countFaults,
  createSseConnection,
  type SseConnection,
  type StreamCall,
  type StreamOutcome,
} from './sse-connection.ts'

/** Requests to all targets in turn: each repeat visits every target once, in an order drawn anew. */
export type LatencyJob = {
  readonly targets: readonly { readonly name: string; readonly call: StreamCall }[]
  readonly repeats: number
  /** Streams that are open on a target at the same time. */
  readonly connections: number
  readonly seed: number
}

/** What the client saw of one target. */
export type TargetLatency = {
  readonly name: string
  /** Time to the first event, in the order of repeats and connections, so that targets can be paired. */
  readonly firstEventMs: readonly number[]
  readonly gapsMs: readonly number[]
  readonly faults: Readonly<Record<string, number>>
}

/** One entry per target, in the order of the job. */
export type LatencyReport = readonly TargetLatency[]

/** The pauses between the events of a stream; events that came in one read have no pause between them. */
function toGaps(outcome: StreamOutcome): number[] {
  return outcome.arrivals.flatMap(({ atMs, events }, index) => {
    const together = Array.from({ length: events - 1 }, () => 0)
    const before = outcome.arrivals[index - 1]
    return before === undefined ? together : [atMs - before.atMs, ...together]
  })
}

function toMicrosecondPrecision(value: number): number {
  return Math.round(value * 1000) / 1000
}

type Visited = {
  readonly name: string
  readonly connections: readonly SseConnection[]
  readonly outcomes: StreamOutcome[]
}

async function visit(target: Visited, recorded: boolean): Promise<void> {
  const outcomes = await Promise.all(target.connections.map((connection) => connection.request()))
  if (recorded) target.outcomes.push(...outcomes)
}

async function main(job: LatencyJob): Promise<void> {
  const random = createRandom(job.seed)
  const targets: Visited[] = job.targets.map(({ name, call }) => ({
    name,
    connections: Array.from({ length: job.connections }, () => createSseConnection(call, true)),
    outcomes: [],
  }))
  // The first visit opens the connections and does not count.
  for (let repeat = -1; repeat < job.repeats; repeat += 1) {
    for (const target of toShuffled(targets, random)) await visit(target, repeat >= 0)
  }
  const report: LatencyReport = targets.map(({ name, outcomes }) => ({
    name,
    firstEventMs: outcomes.map(({ firstEventMs }) => toMicrosecondPrecision(firstEventMs)),
    gapsMs: outcomes.flatMap(toGaps).map(toMicrosecondPrecision),
    faults: countFaults(outcomes),
  }))
  process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0))
}

// The harness writes this argument itself, from a LatencyJob.
await main(JSON.parse(process.argv[2] ?? '') as LatencyJob)
