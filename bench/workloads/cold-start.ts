import { rmSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Bench, Report, Section, Workload } from '../harness/bench.ts'
import { BenchError, Unavailable } from '../harness/bench-error.ts'
import { sendOnce } from '../harness/http-once.ts'
import { isServedBy } from '../harness/listeners.ts'
import { readTreeRssBytes, readTreeStartMicros } from '../harness/process-tree.ts'
import { findSpread, pairUp, toShuffled } from '../harness/statistics.ts'
import { formatSpread, toVerdict, type Bound } from '../harness/summary.ts'
import { mockModel, toChatRequest } from '../mock/bodies.ts'
import { createJsonMock } from '../mock/start-mock.ts'
import { oursTarget } from '../targets/ours.ts'
import { portkeyTarget } from '../targets/portkey.ts'
import { chatPath, createSite, toEndpoint, type Endpoint, type Site, type TargetPlan } from '../targets/target.ts'

const pollMs = 2
const startTimeoutMs = 8_000

/** One start of one target. */
type Start = {
  readonly target: string
  readonly round: number
  readonly cpuMs: number
  readonly wallMs: number
  /** Resident memory one second later; 0 for a program that has ended. */
  readonly rssBytes: number
  readonly void?: string
}

/** A program to be started over and over. */
type Starter = { readonly name: string; readonly start: (round: number) => Promise<Start> }

const cpuBound: Bound = { what: 'CPU of a start to that of node -e 0, warm cache', must: 4, goal: 2, unit: 'x' }
const coldBound: Bound = { what: 'CPU of a start to that of node -e 0, cold cache', must: 4, goal: 2, unit: 'x' }
const rssBound: Bound = { what: 'idle memory to that of a bare http server', must: 1.6, goal: 1.2, unit: 'x' }
const floorName = 'node -e 0'
const bareName = 'node http'
const oursWarmName = 'ours (warm cache)'
const oursColdName = 'ours (cold cache)'

/** W6: what it costs from spawn to the first answered chat request, and what the server then holds. */
export const coldStartWorkload: Workload = {
  name: 'cold-start',
  title: 'W6 cold start: spawn to first chat reply',
  run: runColdStart,
}

async function runColdStart(bench: Bench): Promise<Report> {
  await using mock = await createJsonMock(bench)
  const skipped: string[] = []
  const starters = await createStarters(bench, mock.port, skipped)
  // Ten alternating starts in the full workload; the first of each is discarded.
  const rounds = bench.options.quick ? bench.options.rounds : Math.max(bench.options.rounds, 11)
  const starts: Start[] = []
  for (let round = 0; round < rounds; round += 1) {
    for (const starter of toShuffled(starters, bench.random)) {
      const start = await starter
        .start(round)
        .catch((error: unknown): Start => toFailedStart(starter.name, round, error))
      bench.results.append({ kind: 'start', workload: 'cold-start', discarded: round === 0, ...start })
      bench.say(`  round ${round}  ${starter.name.padEnd(18)} ${start.void ?? `${start.cpuMs.toFixed(0)} ms CPU`}`)
      if (round > 0) starts.push(start)
    }
  }
  return {
    sections: [
      toStartSection(
        starts,
        starters.map(({ name }) => name),
        skipped,
      ),
    ],
  }
}

function toFailedStart(target: string, round: number, error: unknown): Start {
  if (!(error instanceof BenchError)) throw error
  return { target, round, cpuMs: 0, wallMs: 0, rssBytes: 0, void: error.message }
}

async function createStarters(bench: Bench, upstreamPort: number, skipped: string[]): Promise<Starter[]> {
  const upstream = { port: upstreamPort, connections: 64 }
  const starters: Starter[] = [{ name: floorName, start: (round) => startFloor(bench, round) }]
  const plans: readonly { name: string; plan: TargetPlan; keepSite: boolean }[] = [
    { name: bareName, plan: bareHttpPlan, keepSite: false },
    { name: oursColdName, plan: oursTarget, keepSite: false },
    { name: oursWarmName, plan: oursTarget, keepSite: true },
    { name: portkeyTarget.name, plan: portkeyTarget, keepSite: false },
  ]
  const { targets } = bench.options
  for (const { name, plan, keepSite } of plans) {
    if (targets.length > 0 && plan !== bareHttpPlan && !targets.includes(plan.name)) continue
    try {
      const kept = keepSite ? await createSite(bench, name, upstream) : undefined
      // A first start shows whether it can run at all, and leaves the code cache of a kept site warm.
      const attempt = async (round: number): Promise<Start> => {
        const site = kept ?? (await createSite(bench, name, upstream))
        const start = await startServer({ bench, plan, site, round })
        if (kept === undefined) rmSync(site.directory, { recursive: true, force: true })
        return { ...start, target: name }
      }
      await attempt(-1)
      starters.push({ name, start: attempt })
    } catch (error) {
      if (!(error instanceof BenchError) && !(error instanceof Unavailable)) throw error
      skipped.push(`skipped: ${name}: ${error.message}`)
      bench.say(`  skipped: ${name}: ${error.message}`)
    }
  }
  return starters
}

/** The floor of a server in Node; it answers everything, so that it can be polled like the others. */
const bareHttpPlan: TargetPlan = {
  name: bareName,
  role: 'bare',
  model: mockModel,
  toHeaders: () => ({}),
  exact: false,
  async toProgram(site) {
    const script = join(import.meta.dirname, '../targets/bare-http-server.cjs')
    return { name: bareName, command: process.execPath, args: [script, String(site.port)] }
  },
}

/** Starts and ends `node -e 0`; the shell reports what it waited for with millisecond precision. */
async function startFloor(bench: Bench, round: number): Promise<Start> {
  const script = 'TIMEFORMAT="%R %U %S"; { time "$0" -e 0; } 2>&1'
  const args = ['-c', script, process.execPath]
  const printed = await bench.supervisor.run({ name: floorName, command: 'bash', args }, startTimeoutMs)
  const [wall = NaN, user = NaN, system = NaN] = printed.trim().split(' ').map(Number)
  if (Number.isNaN(wall + user + system)) throw new BenchError(`the shell did not report times: ${printed}`)
  return { target: floorName, round, cpuMs: (user + system) * 1000, wallMs: wall * 1000, rssBytes: 0 }
}

async function startServer(parts: { bench: Bench; plan: TargetPlan; site: Site; round: number }): Promise<Start> {
  const { bench, plan, site, round } = parts
  const program = await plan.toProgram(site, bench)
  const endpoint = toEndpoint(plan, site)
  const spawnedMs = performance.now()
  await using running = bench.supervisor.start(program)
  await pollUntilAnswered(endpoint, spawnedMs + startTimeoutMs)
  const cpuMs = readTreeStartMicros(running.pid) / 1000
  const wallMs = performance.now() - spawnedMs
  if (!isServedBy(site.port, running.pid)) throw new BenchError(`port ${site.port} is served by someone else`)
  await sleep(1_000)
  return { target: plan.name, round, cpuMs, wallMs, rssBytes: readTreeRssBytes(running.pid) }
}

/** Sends the real request again and again until it is answered with 200. */
async function pollUntilAnswered(endpoint: Endpoint, deadlineMs: number): Promise<void> {
  const { port, headers, name } = endpoint
  const body = JSON.stringify(toChatRequest(endpoint.model, 'S'))
  let last = 'nothing listened'
  while (performance.now() < deadlineMs) {
    if (await canConnect(port)) {
      const reply = await sendOnce({ port, path: chatPath, headers, body })
      if (reply.status === 200) return
      last = `status ${reply.status}: ${reply.body.slice(0, 200)}`
    }
    await sleep(pollMs)
  }
  throw new BenchError(`${name} did not answer within ${startTimeoutMs} ms: ${last}`)
}

/** A bare connection attempt: much cheaper than a request, as long as nothing listens. */
function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('error', () => resolve(false))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}

function toStartSection(starts: readonly Start[], names: readonly string[], skipped: readonly string[]): Section {
  const of = (name: string): Start[] => starts.filter((start) => start.target === name && start.void === undefined)
  const series = (name: string, pick: (start: Start) => number): Map<number, number> =>
    new Map(of(name).map((start) => [start.round, pick(start)]))
  const ratioTo = (name: string, floor: string, pick: (start: Start) => number) =>
    findSpread(pairUp(series(name, pick), series(floor, pick), (mine, bare) => mine / bare))
  const cpu = (start: Start): number => start.cpuMs
  const rss = (start: Start): number => start.rssBytes
  const rssOf = (name: string) => (name === floorName ? undefined : ratioTo(name, bareName, rss))
  return {
    heading: 'starts: from spawn to the first chat reply',
    columns: ['target', 'CPU ms', `x ${floorName}`, 'wall ms', 'RSS MiB', `x ${bareName}`, 'starts'],
    rows: names.map((name) => [
      name,
      formatSpread(findSpread(of(name).map(cpu)), 0),
      formatSpread(ratioTo(name, floorName, cpu), 2),
      formatSpread(findSpread(of(name).map((start) => start.wallMs)), 0),
      name === floorName ? '-' : formatSpread(findSpread(of(name).map((start) => start.rssBytes / 2 ** 20)), 0),
      formatSpread(rssOf(name), 2),
      String(of(name).length),
    ]),
    remarks: [
      toVerdict(cpuBound, ratioTo(oursWarmName, floorName, cpu)?.median),
      toVerdict(coldBound, ratioTo(oursColdName, floorName, cpu)?.median),
      toVerdict(rssBound, ratioTo(oursWarmName, bareName, rss)?.median),
      ...starts.flatMap((start) => (start.void === undefined ? [] : [`void: ${start.target}: ${start.void}`])),
      ...skipped,
    ],
  }
}
