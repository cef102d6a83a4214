import type { Bench, Report, Workload } from '../harness/bench.ts'
import type { LoadResult } from '../harness/cell.ts'
import { findFreePort } from '../harness/listeners.ts'
import { runRounds } from '../harness/rounds.ts'
import type { FailoverJob, FailoverReport } from '../load/failover-client.ts'
import { runClient } from '../load/run-client.ts'
import { createVendors, readVendorCounts, type RunningMock } from '../mock/start-mock.ts'
import type { VendorFault } from '../mock/vendors-mock-server.ts'
import { mockModel } from '../mock/bodies.ts'
import { toOursProgram } from '../targets/ours.ts'
import { chatPath, createTargets, type RunningTarget, type TargetPlan } from '../targets/target.ts'
import { connections, failoverTargets, requests, toFailoverSection } from './failover-report.ts'

const alias = 'team'
const clientTimeoutMs = 240_000

/** What the weak vendor does to half of its calls, drawn at random. */
const faults: readonly VendorFault[] = ['answers 500', 'answers 429', 'resets before the headers']

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
  const vendorsOfHurt = ['dead', 'weak', 'well']
  const plans = [
    toPlan({ name: failoverTargets.healthy, vendors: ['well1', 'well2', 'well3'], deadPort }),
    toPlan({ name: failoverTargets.hurt, vendors: vendorsOfHurt, deadPort }),
    toPlan({ name: failoverTargets.atOnce, vendors: vendorsOfHurt, deadPort, settings: ', retries: 0' }),
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
  const section = toFailoverSection(cells)
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
