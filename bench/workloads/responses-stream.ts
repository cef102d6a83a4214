import type { Bench, Report, Section, Workload } from '../harness/bench.ts'
import type { LoadResult } from '../harness/cell.ts'
import { runRounds } from '../harness/rounds.ts'
import { toSection, toSummaries, toVerdict, type Bound } from '../harness/summary.ts'
import { checkResponse, lastResponseEvent, responsesPath } from '../load/check-response.ts'
import { driveStreams } from '../load/run-client.ts'
import { toResponseRequest } from '../mock/response-bodies.ts'
import { createStreamMock, setMockMode, type RunningMock } from '../mock/start-mock.ts'
import { oursTarget } from '../targets/ours.ts'
import { createTargets, type RunningTarget, type TargetSet } from '../targets/target.ts'
import { driveChatStreams, streamConnections, toPaces, type Pace } from './stream.ts'

const rows = { direct: 'direct', chat: 'chat (W2)', stored: 'responses', unstored: 'responses, store: false' } as const

/** W2 through `/v1/responses`: its events beside those of a chat stream of the same process. */
export const responsesStreamWorkload: Workload = {
  name: 'responses-stream',
  title: 'W2 through /v1/responses: server-sent events',
  run: runResponsesStream,
}

async function runResponsesStream(bench: Bench): Promise<Report> {
  await using mock = await createStreamMock(bench)
  await using targets = await createTargets(bench, [oursTarget], { port: mock.port, pid: mock.pid, connections: 256 })
  const sections: Section[] = []
  for (const pace of toPaces(bench.options.quick)) sections.push(await measurePace({ bench, mock, targets, pace }))
  return { sections }
}

async function measurePace(parts: {
  bench: Bench
  mock: RunningMock
  targets: TargetSet
  pace: Pace
}): Promise<Section> {
  const { bench, mock, targets, pace } = parts
  bench.say(`responses-stream, ${pace.variant}`)
  await setMockMode(mock, pace.mode)
  const cells = await runRounds(bench, {
    workload: 'responses-stream',
    variant: pace.variant,
    unit: 'event',
    targets: targets.running.flatMap(toRowTargets),
    load: (target) => drive(bench, target, pace),
    driverBound: pace.driverBound,
  })
  const summaries = toSummaries(cells, Object.values(rows), () => rows.chat)
  const section = toSection(`responses, ${pace.variant}, ${streamConnections} streams`, 'event', summaries)
  const verdicts = [rows.stored, rows.unstored].map((name) =>
    toVerdict(toBound(name), summaries.find(({ target }) => target === name)?.ratio?.median),
  )
  return { ...section, remarks: [...verdicts, ...section.remarks, ...targets.skipped] }
}

/** The same process under the name of each row. */
function toRowTargets(target: RunningTarget): RunningTarget[] {
  if (target.role === 'direct') return [target]
  return [rows.chat, rows.stored, rows.unstored].map((name) => ({ ...target, name }))
}

function toBound(name: string): Bound {
  return { what: `${name}, to a chat stream of ours, per event`, must: 2.5, goal: 1.5, unit: 'x' }
}

async function drive(bench: Bench, target: RunningTarget, pace: Pace): Promise<LoadResult> {
  if (target.name === rows.direct || target.name === rows.chat) return driveChatStreams(bench, target, pace)
  const { port, headers, model } = target
  const body = toResponseRequest(model, { stream: true, store: target.name === rows.stored })
  const { fault, events } = await checkResponse(target, { body, items: ['message'], events: pace.mode.events })
  if (fault !== undefined) return { units: 0, wallMs: 0, voids: [fault] }
  const { durationMs, streamsPerConnection } = pace
  const call = { port, headers, path: responsesPath, body, expectedEvents: events, lastEvent: lastResponseEvent }
  return (await driveStreams(bench, { call, connections: streamConnections, durationMs, streamsPerConnection })).result
}
