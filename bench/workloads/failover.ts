import type { Bench, Report, Section, Workload } from '../harness/bench.ts'
import type { Cell, LoadResult } from '../harness/cell.ts'
import { findFreePort } from '../harness/listeners.ts'
import { runRounds } from '../harness/rounds.ts'
import { findSpread, pairUp, type Spread } from '../harness/statistics.ts'
import { formatSpread } from '../harness/summary.ts'
import type { FailoverJob, FailoverReport } from '../load/failover-client.ts'
import { runClient } from '../load/run-client.ts'
import { createVendors, readVendorCounts, type RunningMock } from '../mock/start-mock.ts'
import type { VendorFault } from '../mock/vendors-mock-server.ts'
import { mockModel } from '../mock/bodies.ts'
import { toOursProgram } from '../targets/ours.ts'
import { chatPath, createTargets, type RunningTarget, type TargetPlan } from '../targets/target.ts'

const requests = 10_000
const connections = 32
const alias = 'team'
const clientTimeoutMs = 240_000

/** What the weak vendor does to half of its calls, drawn at random. */
const faults: readonly VendorFault[] = ['answers 500', 'answers 429', 'resets before the headers']

const healthyName = 'three that are well'
const weakName = 'one dead, one weak'
const atOnceName = 'the same, retries: 0'

/** Failures in a row that open a breaker and how long it is open at least, both as the server's defaults have them. */
const breaker = { failures: 5, openMs: 10_000 }

/** One alias over three targets, of which one is dead and one fails half of its calls, against three that are well. */
export const failoverWorkload: Workload = {
  name: 'failover',
  title: 'Failover: one of three targets dead, one failing half of its calls',
  run: runFailover,
}

/** The server with an alias over three vendors, each asked for a third of the calls; `dead` is a vendor nobody listens for. */
function toPlan(parts: { name: string; vendors: readonly string[]; deadPort: number; settings?: string }): TargetPlan {
  const { name, vendors, deadPort, settings = '' } = parts
  const targets = vendors.map((id) => `${id}/${mockModel}`).join(', ')
  return {
    name,
    role: 'ours',
    model: alias,
    toHeaders: () => ({}),
    exact: false,
    async toProgram(site) {
      const providers = vendors.map((id) => ({
        id,
        type: 'remote::openai',
        baseUrl: `http://127.0.0.1:${id === 'dead' ? deadPort : site.upstreamPort}/${id}/v1`,
      }))
      const more = `aliases:\n  ${alias}: {targets: [${targets}], strategy: weighted${settings}}\n`
      return toOursProgram(site, { providers, store: true, more })
    },
  }
}

async function runFailover(bench: Bench): Promise<Report> {
  const port = await findFreePort(bench.random)
  const deadPort = await findFreePort(bench.random)
  await using vendors = await createVendors(bench, { port, faults, intervalMs: 0, seed: bench.options.seed })
  const hurt = ['dead', 'weak', 'well']
  const plans = [
    toPlan({ name: healthyName, vendors: ['well1', 'well2', 'well3'], deadPort }),
    toPlan({ name: weakName, vendors: hurt, deadPort }),
    toPlan({ name: atOnceName, vendors: hurt, deadPort, settings: ', retries: 0' }),
  ]
  await using targets = await createTargets(bench, plans, { port, pid: vendors.pid, connections })
  const ours = targets.running.filter(({ role }) => role === 'ours')
  const cells = await runRounds(bench, {
    workload: 'failover',
    variant: 'half streamed',
    unit: 'request',
    targets: ours,
    load: (target) => drive(bench, vendors, target),
    driverBound: 'given',
  })
  const section = toSection(cells)
  const remarks = [...section.remarks, ...targets.skipped]
  return { sections: [{ ...section, remarks }], failures: remarks.filter((remark) => remark.includes('MISSED')) }
}

async function drive(bench: Bench, vendors: RunningMock, target: RunningTarget): Promise<LoadResult> {
  const { port, model } = target
  const job: FailoverJob = { port, path: chatPath, model, requests, connections }
  const before = await readVendorCounts(vendors)
  const printed = await runClient(bench, 'failover-client.ts', { data: job, timeoutMs: clientTimeoutMs })
  const after = await readVendorCounts(vendors)
  // failover-client.ts prints exactly this type.
  const report = JSON.parse(printed) as FailoverReport
  const { answered, wallMs, p50Ms, p99Ms, asked } = report
  const called = (vendor: string): number => (after[vendor] ?? 0) - (before[vendor] ?? 0)
  return {
    units: answered,
    wallMs,
    voids: Object.entries(report.faults).map(([fault, count]) => `${count} requests: ${fault}`),
    extra: { p50Ms, p99Ms, dead: asked['dead'] ?? 0, weak: called('weak'), well: called('well') },
  }
}

/** The figures of a target, or their ratios to the healthy run of the same round. */
function toRow(cells: readonly Cell[], name: string): readonly string[] {
  const counted = cells.filter((cell) => !cell.discarded && cell.voids.length === 0)
  const byRound = (target: string, of: (cell: Cell) => number): Map<number, number> =>
    new Map(counted.filter((cell) => cell.target === target).map((cell) => [cell.round, of(cell)]))
  const spreadOf = (of: (cell: Cell) => number): Spread | undefined => findSpread([...byRound(name, of).values()])
  const ratioOf = (of: (cell: Cell) => number): string =>
    formatSpread(findSpread(pairUp(byRound(name, of), byRound(healthyName, of), (own, healthy) => own / healthy)), 2)
  const p50 = (cell: Cell): number => cell.extra['p50Ms'] ?? NaN
  const p99 = (cell: Cell): number => cell.extra['p99Ms'] ?? NaN
  const cpu = (cell: Cell): number => cell.cpuPerUnit
  return [
    name,
    formatSpread(spreadOf(p50)),
    ratioOf(p50),
    formatSpread(spreadOf(p99)),
    ratioOf(p99),
    formatSpread(spreadOf(cpu)),
    ratioOf(cpu),
    String(byRound(name, cpu).size),
  ]
}

function toSection(cells: readonly Cell[]): Section {
  const names = [healthyName, weakName, atOnceName]
  const failed = cells.flatMap(({ target, round, voids }) =>
    voids.map((reason) => `${target}, round ${round}: ${reason}, MISSED`),
  )
  return {
    heading: `${requests} requests at ${connections} connections, half of them streamed; weights 1 : 1 : 1`,
    columns: ['targets', 'p50 ms', 'x healthy', 'p99 ms', 'x healthy', 'CPU us/request', 'x healthy', 'rounds'],
    rows: names.map((name) => toRow(cells, name)),
    remarks: [
      failed.length === 0 ? `all ${cells.length} x ${requests} requests were answered` : '',
      ...failed,
      ...[weakName, atOnceName].flatMap((name) => toDeadRemarks(cells.filter((cell) => cell.target === name))),
    ].filter((remark) => remark !== ''),
  }
}

/** How often the dead target was called: by those under way when its breaker opened, and then by probes alone. */
function toDeadRemarks(cells: readonly Cell[]): string[] {
  const ofRounds = cells.map((cell) => {
    const calls = cell.extra['dead'] ?? NaN
    const probes = Math.ceil(cell.wallMs / breaker.openMs) + 1
    const most = cell.round === 0 ? breaker.failures + connections + probes : probes
    return { calls, most, weak: cell.extra['weak'] ?? 0, isFirst: cell.round === 0 }
  })
  const toText = (which: string, rounds: typeof ofRounds): string => {
    const range = (of: (round: (typeof ofRounds)[number]) => number): string =>
      [...new Set([Math.min(...rounds.map(of)), Math.max(...rounds.map(of))])].join(' to ')
    const verdict = rounds.every(({ calls, most }) => calls <= most) ? 'kept' : 'MISSED'
    const dead = `the dead one was called ${range(({ calls }) => calls)} times, must ${range(({ most }) => most)} ${verdict}`
    return `${cells[0]?.target}, ${which}: ${dead}; the weak one ${range(({ weak }) => weak)} times`
  }
  return [
    toText(
      'first round, in which the breaker opens',
      ofRounds.filter(({ isFirst }) => isFirst),
    ),
    toText(
      'each later round',
      ofRounds.filter(({ isFirst }) => !isFirst),
    ),
  ]
}
