/** Entry of the crowd: `node crowd-client.ts <CrowdJob as JSON>`; prints a CrowdReport as JSON. */
import {
  countFaults,
  createSseConnection,
  type SseConnection,
  type StreamCall,
  type StreamOutcome,
} from './sse-connection.ts'

/** A thousand readers, some of whom misbehave. */
export type CrowdJob = {
  readonly call: StreamCall
  readonly readers: number
  /** The readers arrive evenly over this time. */
  readonly rampMs: number
  /** Readers beyond these that ask for a flood and then stop reading. */
  readonly stalled: { readonly count: number; readonly body: string }
  /** How many readers vanish, and when. */
  readonly vanishing: { readonly count: number; readonly atMs: number }
  /** When the crowd goes home, whatever is still open. */
  readonly deadlineMs: number
}

/** What the crowd saw. */
export type CrowdReport = {
  /** Streams that were to be read to their end. */
  readonly readToEnd: number
  readonly events: number
  readonly expectedEvents: number
  readonly faults: Readonly<Record<string, number>>
  /** Wall-clock time at which the readers vanished; 0 when none did. */
  readonly vanishedAtMs: number
  readonly firstEventP50Ms: number
}

const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms)
  })

async function main(job: CrowdJob): Promise<void> {
  const { call, readers, vanishing, stalled } = job
  const startMs = performance.now()
  const outcomes: StreamOutcome[] = []
  const connections: SseConnection[] = []
  let vanishedAtMs = 0

  const read = async (index: number): Promise<void> => {
    await sleep((job.rampMs * index) / readers)
    const connection = createSseConnection(call)
    connections.push(connection)
    const outcome = await connection.request()
    if (index >= vanishing.count) outcomes.push(outcome)
    connection.close()
  }
  const vanish = async (): Promise<void> => {
    if (vanishing.count === 0) return
    await sleep(vanishing.atMs)
    vanishedAtMs = Date.now()
    for (const connection of connections.slice(0, vanishing.count)) connection.vanish()
  }
  const stall = async (index: number): Promise<SseConnection> => {
    await sleep((job.rampMs * index) / stalled.count)
    const connection = createSseConnection({ ...call, body: stalled.body })
    connection.stall()
    return connection
  }
  const hanging = Promise.all(Array.from({ length: stalled.count }, (_, index) => stall(index)))
  const everyone = Promise.all([vanish(), ...Array.from({ length: readers }, (_, index) => read(index))])
  await Promise.race([everyone, sleep(job.deadlineMs - (performance.now() - startMs))])
  for (const connection of await hanging) connection.vanish()

  const readToEnd = readers - vanishing.count
  const lost = readToEnd - outcomes.length
  const first = outcomes.map(({ firstEventMs }) => firstEventMs).toSorted((left, right) => left - right)
  const report: CrowdReport = {
    readToEnd,
    events: outcomes.reduce((sum, { events }) => sum + events, 0),
    expectedEvents: readToEnd * call.expectedEvents,
    faults: { ...countFaults(outcomes), ...(lost > 0 ? { 'still open at the end': lost } : {}) },
    vanishedAtMs,
    firstEventP50Ms: first[Math.floor(first.length / 2)] ?? 0,
  }
  process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0))
}

// The harness writes this argument itself, from a CrowdJob.
await main(JSON.parse(process.argv[2] ?? '') as CrowdJob)
