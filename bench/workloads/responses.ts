import type { Bench, Report, Section, Workload } from '../harness/bench.ts'
import { BenchError } from '../harness/bench-error.ts'
import type { Cell } from '../harness/cell.ts'
import { runRounds } from '../harness/rounds.ts'
import { createMcpEcho, createStreamMock, setMockMode } from '../mock/start-mock.ts'
import { ownProgramTarget, toOursWithMcp } from '../targets/responses-targets.ts'
import { createTargets, type RunningTarget } from '../targets/target.ts'
import { toDepthSection, toTurnsSection } from './responses-report.ts'
import { connections, depthNames, textEvents, toDepthRows, toTurnRows, type Row } from './responses-rows.ts'

/** W7: what a response costs beside a chat completion of the same server, with tools and after other responses. */
export const responsesWorkload: Workload = {
  name: 'responses',
  title: 'W7 responses: the agent loop beside a chat completion',
  run: runResponses,
}

async function runResponses(bench: Bench): Promise<Report> {
  await using mock = await createStreamMock(bench)
  await setMockMode(mock, { kind: 'tool', events: textEvents, intervalMs: 0 })
  await using echo = await createMcpEcho(bench)
  const upstream = { port: mock.port, pid: mock.pid, connections: connections * 2 }
  await using targets = await createTargets(bench, [toOursWithMcp(echo.port), ownProgramTarget], upstream)
  const site = { bench, mock, targets }
  const turns = toTurnRows(site)
  const turnCells = await measureRows(bench, 'turns', turns)
  const deep = await toDepthRows(site)
  const depthCells = await measureRows(bench, 'depth', deep)
  const withSkipped = (section: Section): Section => ({ ...section, remarks: [...section.remarks, ...targets.skipped] })
  return {
    sections: [
      withSkipped(toTurnsSection(turnCells, turns)),
      withSkipped(toDepthSection(depthCells, deep, depthNames)),
    ],
  }
}

async function measureRows(bench: Bench, variant: string, rows: readonly Row[]): Promise<Cell[]> {
  bench.say(`responses, ${variant}`)
  // As in W1: V8 compiles what runs often, and what the first seconds cost belongs to the cold start.
  for (const { target, drive } of rows) await drive(target)
  return runRounds(bench, {
    workload: 'responses',
    variant,
    unit: 'response',
    targets: rows.map(({ target }) => target),
    load: (target) => getRow(rows, target).drive(target),
    // The mock streams here, and answers the direct line no faster than it can: it is noted, and CPU per response stands.
    driverBound: 'note',
  })
}

function getRow(rows: readonly Row[], { name }: RunningTarget): Row {
  const row = rows.find((candidate) => candidate.name === name)
  if (row === undefined) throw new BenchError(`no row is called ${name}`)
  return row
}
