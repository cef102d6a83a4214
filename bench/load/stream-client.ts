/** Entry of the streaming client: `node stream-client.ts <StreamJob as JSON>`; prints a StreamReport as JSON. */
import { quantile } from '../harness/statistics.ts'
import { countFaults, createSseConnection, type StreamCall, type StreamOutcome } from './sse-connection.ts'

/** Streams to be read at the same time, one after another on each connection. */
export type StreamJob = {
  readonly call: StreamCall
  readonly connections: number
  /** A connection starts no further stream after this time... */
  readonly durationMs: number
  /** ...and none after this many. */
  readonly streamsPerConnection: number
}

/** What the client saw. */
export type StreamReport = {
  readonly streams: number
  readonly events: number
  readonly wallMs: number
  readonly faults: Readonly<Record<string, number>>
  readonly firstEventP50Ms: number
  readonly firstEventP99Ms: number
}

/** Streams that are still open this long after the last start are lost. */
const graceMs = 4_000

async function readStreams(job: StreamJob, endMs: number, outcomes: StreamOutcome[]): Promise<void> {
  const connection = createSseConnection(job.call)
  for (let count = 0; count < job.streamsPerConnection && performance.now() < endMs; count += 1) {
    outcomes.push(await connection.request())
  }
  connection.close()
}

function toReport(outcomes: readonly StreamOutcome[], wallMs: number, lost: number): StreamReport {
  const first = outcomes.map(({ firstEventMs }) => firstEventMs).filter((value) => !Number.isNaN(value))
  const faults = { ...countFaults(outcomes), ...(lost > 0 ? { 'still open at the end': lost } : {}) }
  return {
    streams: outcomes.length,
    events: outcomes.reduce((sum, { events }) => sum + events, 0),
    wallMs,
    faults,
    firstEventP50Ms: first.length > 0 ? quantile(first, 0.5) : 0,
    firstEventP99Ms: first.length > 0 ? quantile(first, 0.99) : 0,
  }
}

async function main(job: StreamJob): Promise<void> {
  const startMs = performance.now()
  const outcomes: StreamOutcome[] = []
  const print = (lost: number): void => {
    process.stdout.write(`${JSON.stringify(toReport(outcomes, performance.now() - startMs, lost))}\n`)
  }
  let open = job.connections
  const giveUp = setTimeout(() => {
    print(open)
    process.exit(0)
  }, job.durationMs + graceMs)
  const readers = Array.from({ length: job.connections }, async () => {
    await readStreams(job, startMs + job.durationMs, outcomes)
    open -= 1
  })
  await Promise.all(readers)
  clearTimeout(giveUp)
  print(0)
}

// The harness writes this argument itself, from a StreamJob.
await main(JSON.parse(process.argv[2] ?? '') as StreamJob)
