import type { Bench, Report, Section, Workload } from '../harness/bench.ts'
import type { LoadResult } from '../harness/cell.ts'
import { runRounds } from '../harness/rounds.ts'
import { toSection, toSummaries, toVerdict, type Bound } from '../harness/summary.ts'
import { checkResponse, lastResponseEvent, responsesPath } from '../load/check-response.ts'
import { toResponseRequest } from '../mock/response-bodies.ts'
import { oursTarget } from '../targets/ours.ts'
import type { RunningTarget } from '../targets/target.ts'
import { driveChatStreams, readAtPace, runPaces, streamConnections, type Pace, type PaceSite } from './stream.ts'

const rows = { direct: 'direct', chat: 'chat (W2)', stored: 'responses', unstored: 'responses, store: false' } as const

/** W2 through `/v1/responses`: its events beside those of a chat stream of the same process. */
export const responsesStreamWorkload: Workload = {
  name: 'responses-stream',
  title: 'W2 through /v1/responses: server-sent events',
  run: runResponsesStream,
}

function runResponsesStream(bench: Bench): Promise<Report> {
  return runPaces(bench, [oursTarget], measurePace)
}

async function measurePace({ bench, targets, pace }: PaceSite): Promise<Section> {
  bench.say(`responses-stream, ${pace.variant}`)
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
  const call = { port, headers, path: responsesPath, body, expectedEvents: events, lastEvent: lastResponseEvent }
  return readAtPace(bench, call, pace)
}
