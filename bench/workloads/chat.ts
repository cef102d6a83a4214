import type { Bench, Report, Section, Workload } from '../harness/bench.ts'
import type { LoadResult } from '../harness/cell.ts'
import { runRounds } from '../harness/rounds.ts'
import { toSection, toSummaries, toVerdict, type Bound } from '../harness/summary.ts'
import { findReplyFault } from '../load/check-reply.ts'
import { runWrk } from '../load/wrk.ts'
import { toChatRequest, type BodySize } from '../mock/bodies.ts'
import { createJsonMock } from '../mock/start-mock.ts'
import { bareNetTarget, bareUndiciTarget } from '../targets/bare.ts'
import { nginxTarget } from '../targets/nginx.ts'
import { oursTarget, oursWithoutStoreTarget } from '../targets/ours.ts'
import { portkeyTarget } from '../targets/portkey.ts'
import { createTargets, type RunningTarget, type TargetSet } from '../targets/target.ts'

const connections = 32

const bound: Bound = { what: 'ours to nginx, per request', must: 5, goal: 2.5, unit: 'x' }

/** W1: chat completions that do not stream, with a short and with an 8 KB body. */
export const chatWorkload: Workload = {
  name: 'chat',
  title: 'W1 chat: completions, not streamed',
  run: runChat,
}

async function runChat(bench: Bench): Promise<Report> {
  await using mock = await createJsonMock(bench)
  const plans = [nginxTarget, bareNetTarget, bareUndiciTarget, oursTarget, oursWithoutStoreTarget, portkeyTarget]
  await using targets = await createTargets(bench, plans, {
    port: mock.port,
    pid: mock.pid,
    connections: connections * 2,
  })
  const short = await measureSize(bench, targets, 'S')
  const long = await measureSize(bench, targets, 'M')
  return { sections: [short, long] }
}

async function measureSize(bench: Bench, targets: TargetSet, size: BodySize): Promise<Section> {
  const variant = size === 'S' ? 'body S, 200 B' : 'body M, 8 KB'
  bench.say(`chat, ${variant}`)
  await warmUp(bench, targets, size)
  const cells = await runRounds(bench, {
    workload: 'chat',
    variant,
    unit: 'request',
    targets: targets.running,
    load: (target) => driveChat(bench, target, size),
    driverBound: 'void',
  })
  const summaries = toSummaries(
    cells,
    targets.running.map((target) => target.name),
  )
  const section = toSection(`chat, ${variant}, ${connections} connections`, 'request', summaries)
  const ours = summaries.find((summary) => summary.target === oursTarget.name)
  return { ...section, remarks: [toVerdict(bound, ours?.ratio?.median), ...section.remarks, ...targets.skipped] }
}

/**
 * Drives every target for a while before anything is counted. V8 compiles what runs often, and a server under load runs for
 * hours: what its first seconds cost is the figure of the cold start.
 */
async function warmUp(bench: Bench, targets: TargetSet, size: BodySize): Promise<void> {
  const seconds = bench.options.quick ? 4 : 12
  for (const target of targets.running) {
    const bodies = [JSON.stringify(toChatRequest(target.model, size))]
    await runWrk(bench, target, { bodies, connections, seconds })
  }
}

/** Checks the reply byte for byte and then drives the target as fast as it goes. */
export async function driveChat(bench: Bench, target: RunningTarget, size: BodySize): Promise<LoadResult> {
  const fault = await findReplyFault(target)
  if (fault !== undefined) return { units: 0, wallMs: 0, voids: [fault] }
  const bodies = [JSON.stringify(toChatRequest(target.model, size))]
  return runWrk(bench, target, { bodies, connections, seconds: bench.options.quick ? 2 : 4 })
}
