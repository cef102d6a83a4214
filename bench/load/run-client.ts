import { join } from 'node:path'
import type { Bench } from '../harness/bench.ts'
import type { LoadResult } from '../harness/cell.ts'
import { toStreamRequest } from '../mock/bodies.ts'
import { chatPath, type Endpoint } from '../targets/target.ts'
import type { StreamCall } from './sse-connection.ts'
import type { StreamJob, StreamReport } from './stream-client.ts'

/** Events that a stream has besides those with content: the usage chunk and `[DONE]`. */
const closingEvents = 2

/** The streaming request to the endpoint, which the mock answers with that many content events. */
export function toStreamCall(endpoint: Endpoint, contentEvents: number): StreamCall {
  return {
    port: endpoint.port,
    path: chatPath,
    headers: endpoint.headers,
    body: JSON.stringify(toStreamRequest(endpoint.model)),
    expectedEvents: contentEvents + closingEvents,
  }
}

/** Runs one of the client scripts of this folder in a process of its own and returns the line that it prints. */
export async function runClient(
  bench: Bench,
  script: string,
  job: { readonly data: object; readonly timeoutMs: number },
): Promise<string> {
  const args = [join(import.meta.dirname, script), JSON.stringify(job.data)]
  const printed = await bench.supervisor.run({ name: script, command: process.execPath, args }, job.timeoutMs)
  return printed.trim().split('\n').at(-1) ?? ''
}

/** Reads the streams of the job in a process of its own; the unit of the result is the event. */
export async function driveStreams(
  bench: Bench,
  job: StreamJob,
): Promise<{ readonly report: StreamReport; readonly result: LoadResult }> {
  const printed = await runClient(bench, 'stream-client.ts', { data: job, timeoutMs: job.durationMs + 8_000 })
  // stream-client.ts prints exactly this type.
  const report = JSON.parse(printed) as StreamReport
  const { events, wallMs, streams, firstEventP50Ms, firstEventP99Ms } = report
  const voids = Object.entries(report.faults).map(([reason, count]) => `${count} streams: ${reason}`)
  return { report, result: { units: events, wallMs, voids, extra: { streams, firstEventP50Ms, firstEventP99Ms } } }
}
