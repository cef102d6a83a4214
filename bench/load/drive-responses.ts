import type { Bench } from '../harness/bench.ts'
import type { LoadResult } from '../harness/cell.ts'
import { readMockState, type RunningMock } from '../mock/start-mock.ts'
import type { Endpoint } from '../targets/target.ts'
import { checkResponse, lastResponseEvent, responsesPath, type ResponseCall } from './check-response.ts'
import { driveStreams } from './run-client.ts'
import { runWrk } from './wrk.ts'

/** A request for a response, what it makes the model do, and how it is driven. */
export type ResponseLoad = {
  readonly call: ResponseCall
  readonly streamed: boolean
  /** How often the model is asked for a response. */
  readonly turns: number
  /** How often it calls a tool meanwhile. */
  readonly toolCalls: number
  readonly connections: number
  readonly seconds: number
}

/**
 * Checks one response whole and then drives the endpoint in a closed loop.
 *
 * Of the replies under load only the status, or the events and the last of them, are looked at; that the model was asked as
 * often as the responses need is counted by the mock.
 */
export async function driveResponses(
  bench: Bench,
  parts: { readonly mock: RunningMock; readonly endpoint: Endpoint },
  load: ResponseLoad,
): Promise<LoadResult> {
  const { mock, endpoint } = parts
  const idle = await readMockState(mock)
  const { fault, events } = await checkResponse(endpoint, load.call)
  if (fault !== undefined) return { units: 0, wallMs: 0, voids: [fault] }
  const before = await readMockState(mock)
  const upstreamBytes = before.streamRequestBytes - idle.streamRequestBytes
  const result = await (load.streamed
    ? driveStreamed(bench, endpoint, { ...load, events })
    : driveWhole(bench, endpoint, load))
  const after = await readMockState(mock)
  const asked = after.completedStreams - before.completedStreams
  const called = after.toolCalls - before.toolCalls
  const voids = [
    ...findCountFault('asked', asked, { responses: result.units, each: load.turns, underWay: load.connections }),
    ...findCountFault('made to call a tool', called, {
      responses: result.units,
      each: load.toolCalls,
      underWay: load.connections,
    }),
  ]
  return { ...result, voids: [...result.voids, ...voids], extra: { ...result.extra, upstreamBytes } }
}

/** What the mock counted against what the responses need; those that were cut off at the end may have asked too. */
export function findCountFault(
  what: string,
  count: number,
  needed: { readonly responses: number; readonly each: number; readonly underWay: number },
): string[] {
  const { responses, each, underWay } = needed
  const [least, most] = [responses * each, (responses + underWay) * each]
  return count >= least && count <= most ? [] : [`the model was ${what} ${count} times for ${responses} responses`]
}

function driveWhole(
  bench: Bench,
  endpoint: Endpoint,
  { call, connections, seconds }: ResponseLoad,
): Promise<LoadResult> {
  return runWrk(bench, endpoint, { path: responsesPath, bodies: [call.body], connections, seconds })
}

/** The unit is the stream. */
async function driveStreamed(
  bench: Bench,
  { port, headers }: Endpoint,
  { call, events, connections, seconds }: ResponseLoad & { readonly events: number },
): Promise<LoadResult> {
  const { report, result } = await driveStreams(bench, {
    call: { port, headers, path: responsesPath, body: call.body, expectedEvents: events, lastEvent: lastResponseEvent },
    connections,
    durationMs: seconds * 1000,
    streamsPerConnection: 1_000_000,
  })
  return { ...result, units: report.streams }
}
