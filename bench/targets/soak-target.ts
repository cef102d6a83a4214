import { join } from 'node:path'
import type { Program } from '../harness/supervisor.ts'
import { toOursProgram } from './ours.ts'
import type { Site } from './target.ts'

/** Where the vendors of a soak listen; on the dead port nobody does. */
export type SoakVendors = { readonly port: number; readonly mutePort: number; readonly deadPort: number }

/** Where the memory probe of the server listens. */
export const toProbeSocket = (site: Site): string => join(site.directory, 'probe.sock')

const type = 'remote::openai'
/** Silence is called a failure after this time, so that a stalled call does not hold its place for minutes. */
const patienceSeconds = 2

/** Aliases over the vendors for every way to choose among them, and caches so small that they fill and turn over. */
const policy = `aliases:
  ordered: {targets: [weak/bench-model, mute/bench-model, well/bench-model]}
  spread: {targets: [dead/bench-model, weak/bench-model, well/bench-model], strategy: weighted}
  hedged: {targets: [weak/bench-model, well/bench-model], hedge_after_ms: 100}
  sessions: {targets: [weak/bench-model, well/bench-model], strategy: session}
  continued: {targets: [weak/bench-model, well/bench-model], continuation: true, retries: 0}
reliability:
  deadline_ms: 15000
  backoff: {base_ms: 50, max_ms: 500}
  bulkhead: {max_concurrent: 64, max_queue: 100, queue_timeout_ms: 5000}
response_cache:
  max_bytes: 1048576
  memory_bytes: 524288
`

/** The server as it is shipped, between four vendors and with the probe loaded into it. */
export function toSoakProgram(site: Site, vendors: SoakVendors): Program {
  const { port, mutePort, deadPort } = vendors
  const providers = [
    { id: 'well', type, patienceSeconds, baseUrl: `http://127.0.0.1:${port}/well/v1` },
    { id: 'weak', type, patienceSeconds, baseUrl: `http://127.0.0.1:${port}/weak/v1` },
    { id: 'mute', type, patienceSeconds, baseUrl: `http://127.0.0.1:${mutePort}/v1` },
    { id: 'dead', type, patienceSeconds, baseUrl: `http://127.0.0.1:${deadPort}/v1` },
  ]
  const program = toOursProgram(site, { providers, store: true, more: policy })
  const probe = ['--expose-gc', '--import', join(import.meta.dirname, 'memory-probe.ts')]
  const env = { ...program.env, BENCH_PROBE_SOCKET: toProbeSocket(site) }
  return { ...program, args: [...probe, ...program.args], env }
}
