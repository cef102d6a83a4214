import type { Bench, Report, Workload } from '../harness/bench.ts'
import { BenchError, Unavailable } from '../harness/bench-error.ts'
import type { LoadResult } from '../harness/cell.ts'
import { sendOnce } from '../harness/http-once.ts'
import { runRounds } from '../harness/rounds.ts'
import { findSpread, pairUp } from '../harness/statistics.ts'
import { toSection, toSummaries, toVerdict, type Bound } from '../harness/summary.ts'
import { runWrk } from '../load/wrk.ts'
import { createJsonMock } from '../mock/start-mock.ts'
import { nginxTarget } from '../targets/nginx.ts'
import { oursTarget, toOursProgram } from '../targets/ours.ts'
import {
  findContent,
  findRecordings,
  readTogetherRequests,
  type RecordedRequest,
} from '../targets/recorded-requests.ts'
import { chatPath, createTargets, type RunningTarget, type TargetPlan } from '../targets/target.ts'
import { driveChat } from './chat.ts'

const connections = 32
const providerId = 'together'
const bound: Bound = { what: 'a replayed request to a relayed one of ours', must: 1, goal: 0.6, unit: 'x' }

/** The replay half of W12: recorded requests against the relayed ones of W1, in the same rounds. */
export const replayWorkload: Workload = {
  name: 'replay',
  title: 'W12 replay: recorded chat requests',
  run: runReplay,
}

async function runReplay(bench: Bench): Promise<Report> {
  let recordings: string
  try {
    recordings = findRecordings(bench.root)
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    bench.say(`  skipped: ${error.message}`)
    return { sections: [{ heading: 'replay', columns: [], rows: [], remarks: [`skipped: ${error.message}`] }] }
  }
  const requests = readTogetherRequests(recordings, providerId)
  const plan = toReplayPlan(recordings, requests)
  await using mock = await createJsonMock(bench)
  const upstream = { port: mock.port, pid: mock.pid, connections: connections * 2 }
  await using targets = await createTargets(bench, [nginxTarget, oursTarget, plan], upstream)
  const replaying = targets.running.find(({ name }) => name === plan.name)
  const hits = replaying === undefined ? [] : await findHits(replaying, requests)
  const cells = await runRounds(bench, {
    workload: 'replay',
    variant: `${hits.length} recorded requests`,
    unit: 'request',
    targets: targets.running,
    load: (target) => (target === replaying ? driveReplay(bench, target, hits) : driveChat(bench, target, 'S')),
    driverBound: 'void',
  })
  const names = targets.running.map(({ name }) => name)
  const section = toSection(`replay, ${connections} connections`, 'request', toSummaries(cells, names))
  const costOf = (name: string): Map<number, number> =>
    new Map(
      cells
        .filter((cell) => cell.target === name && !cell.discarded && cell.voids.length === 0)
        .map((cell) => [cell.round, cell.cpuPerUnit]),
    )
  const ratio = findSpread(
    pairUp(costOf(plan.name), costOf(oursTarget.name), (replayed, relayed) => replayed / relayed),
  )
  const coverage = `${hits.length} of ${requests.length} recorded requests are answered with what was recorded`
  return {
    sections: [
      { ...section, remarks: [toVerdict(bound, ratio?.median), coverage, ...section.remarks, ...targets.skipped] },
    ],
  }
}

function toReplayPlan(recordings: string, requests: readonly RecordedRequest[]): TargetPlan {
  const probe = requests[0]?.body
  return {
    name: 'ours (replay)',
    role: 'ours',
    model: '',
    toHeaders: () => ({}),
    exact: false,
    ...(probe === undefined ? {} : { probe }),
    async toProgram(site) {
      const provider = { id: providerId, type: 'remote::together', baseUrl: 'https://api.together.xyz/v1' }
      return toOursProgram(site, { providers: [provider], store: true }, ['--replay', recordings])
    },
  }
}

/** The requests that come back as recorded; the others would only measure how fast a miss is reported. */
async function findHits(target: RunningTarget, requests: readonly RecordedRequest[]): Promise<RecordedRequest[]> {
  const hits: RecordedRequest[] = []
  for (const request of requests) if ((await findReplayFault(target, request)) === undefined) hits.push(request)
  return hits
}

async function findReplayFault(target: RunningTarget, request: RecordedRequest): Promise<string | undefined> {
  const reply = await sendOnce({ port: target.port, path: chatPath, headers: target.headers, body: request.body })
  if (reply.status !== 200) return `${request.file}: status ${reply.status}: ${reply.body.slice(0, 200)}`
  // Read through optional fields only.
  const content = findContent(JSON.parse(reply.body) as Parameters<typeof findContent>[0])
  return content === request.content ? undefined : `${request.file}: the reply says something else than the recording`
}

async function driveReplay(bench: Bench, target: RunningTarget, hits: readonly RecordedRequest[]): Promise<LoadResult> {
  if (hits.length === 0) throw new BenchError('no recorded request is answered with what was recorded')
  const faults = await Promise.all(hits.map((request) => findReplayFault(target, request)))
  const fault = faults.find((found) => found !== undefined)
  if (fault !== undefined) return { units: 0, wallMs: 0, voids: [fault] }
  return runWrk(bench, target, {
    bodies: hits.map(({ body }) => body),
    connections,
    seconds: bench.options.quick ? 2 : 4,
  })
}
