import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Bench } from '../harness/bench.ts'
import { BenchError, Unavailable } from '../harness/bench-error.ts'
import { sendOnce } from '../harness/http-once.ts'
import { findFreePort } from '../harness/listeners.ts'
import type { Program, Running } from '../harness/supervisor.ts'
import { mockModel, toChatRequest } from '../mock/bodies.ts'

/** What a target is to a comparison: the mock itself, the yardstick, a floor of Node, somebody else's product, ours. */
export type TargetRole = 'direct' | 'reference' | 'bare' | 'peer' | 'ours'

/** Where a target is to listen, what it is to call, and a directory for its files. */
export type Site = {
  readonly port: number
  readonly upstreamPort: number
  readonly directory: string
  /** Upstream connections that a target with a fixed pool should allow. */
  readonly connections: number
  readonly root: string
}

/** A target as data: how to start it and how to speak to it. */
export type TargetPlan = {
  readonly name: string
  readonly role: TargetRole
  /** Writes what the program needs and returns its command line; throws `Unavailable` where it cannot run. */
  readonly toProgram: (site: Site, bench: Bench) => Promise<Program>
  readonly model: string
  /** Headers that every request to it carries. */
  readonly toHeaders: (upstreamPort: number) => Readonly<Record<string, string>>
  /** Whether replies are forwarded byte for byte; otherwise only their content is compared. */
  readonly exact: boolean
  /** The body of a request that it answers with 200 when it is ready; by default the short chat request. */
  readonly probe?: string
}

/** How to reach a target that runs. */
export type Endpoint = {
  readonly name: string
  readonly role: TargetRole
  readonly port: number
  readonly model: string
  readonly headers: Readonly<Record<string, string>>
  readonly exact: boolean
}

/** A target that runs, with the root of its process tree. */
export type RunningTarget = Endpoint & AsyncDisposable & { readonly pid: number }

/** Where all targets take chat requests. */
export const chatPath = '/v1/chat/completions'

const readyTimeoutMs = 15_000

/** The line to the mock without anything in between. */
function toDirectTarget(mock: { readonly port: number; readonly pid: number }): RunningTarget {
  return {
    name: 'direct',
    role: 'direct',
    port: mock.port,
    pid: mock.pid,
    model: mockModel,
    headers: {},
    exact: true,
    // The mock belongs to whoever started it.
    [Symbol.asyncDispose]: async () => {},
  }
}

/** Starts the target in front of the upstream and waits until it answers a chat request. */
async function createTarget(
  bench: Bench,
  plan: TargetPlan,
  upstream: { readonly port: number; readonly connections: number },
): Promise<RunningTarget> {
  const site = await createSite(bench, plan.name, upstream)
  const program = await plan.toProgram(site, bench)
  const running = await bench.supervisor.startServer(program, site.port)
  const endpoint = toEndpoint(plan, site)
  try {
    await waitForAnswer(endpoint, plan.probe)
  } catch (error) {
    await running[Symbol.asyncDispose]()
    throw error
  }
  return toRunningTarget(endpoint, running)
}

/** A port and a fresh directory for a target. */
export async function createSite(
  bench: Bench,
  name: string,
  upstream: { readonly port: number; readonly connections: number },
): Promise<Site> {
  const port = await findFreePort(bench.random)
  const directory = join(bench.scratch, `${name.replaceAll(/[^a-z0-9]+/gi, '-')}-${port}`)
  mkdirSync(directory, { recursive: true })
  return { port, upstreamPort: upstream.port, directory, connections: upstream.connections, root: bench.root }
}

/** How to reach the plan's program at its site. */
export function toEndpoint(plan: TargetPlan, site: Site): Endpoint {
  const { name, role, model, exact } = plan
  return { name, role, model, exact, port: site.port, headers: plan.toHeaders(site.upstreamPort) }
}

function toRunningTarget(endpoint: Endpoint, running: Running): RunningTarget {
  return { ...endpoint, pid: running.pid, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() }
}

/** A server may listen before it knows its models, so a first refusal is not the last word. */
async function waitForAnswer(endpoint: Endpoint, probe: string | undefined): Promise<void> {
  const body = probe ?? JSON.stringify(toChatRequest(endpoint.model, 'S'))
  const deadline = performance.now() + readyTimeoutMs
  for (;;) {
    const { port, headers } = endpoint
    const reply = await sendOnce({ port, path: chatPath, headers, body })
    if (reply.status === 200) return
    if (performance.now() > deadline) {
      throw new BenchError(`${endpoint.name} answers ${reply.status}: ${reply.body.slice(0, 300)}`)
    }
    await sleep(100)
  }
}

/** Targets that could be started, and for the others the reason. */
export type TargetSet = AsyncDisposable & {
  readonly running: readonly RunningTarget[]
  readonly skipped: readonly string[]
}

/** Starts the plans that the options keep, behind the direct line; a target that cannot run is named with its reason. */
export async function createTargets(
  bench: Bench,
  plans: readonly TargetPlan[],
  upstream: { readonly port: number; readonly pid: number; readonly connections: number },
): Promise<TargetSet> {
  const stack = new AsyncDisposableStack()
  const running: RunningTarget[] = [toDirectTarget(upstream)]
  const skipped: string[] = []
  for (const plan of plans.filter((candidate) => isWanted(bench, candidate))) {
    try {
      running.push(stack.use(await createTarget(bench, plan, upstream)))
    } catch (error) {
      if (!(error instanceof BenchError) && !(error instanceof Unavailable)) throw error
      skipped.push(`skipped: ${plan.name}: ${error.message}`)
      bench.say(`  skipped: ${plan.name}: ${error.message}`)
    }
  }
  return { running, skipped, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

function isWanted(bench: Bench, plan: TargetPlan): boolean {
  const { targets } = bench.options
  return targets.length === 0 || plan.role === 'reference' || targets.includes(plan.name)
}
