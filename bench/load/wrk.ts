import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Bench } from '../harness/bench.ts'
import { BenchError } from '../harness/bench-error.ts'
import type { LoadResult } from '../harness/cell.ts'
import { chatPath, type Endpoint } from '../targets/target.ts'

/** A closed loop of POST requests: each connection sends its next request when the last is answered. */
export type WrkLoad = {
  /** Default: that of chat completions. */
  readonly path?: string
  /** JSON bodies, sent in turn. */
  readonly bodies: readonly string[]
  readonly connections: number
  readonly seconds: number
}

/** What `post.lua` prints at the end. */
type WrkOutcome = {
  readonly requests: number
  readonly durationMicros: number
  readonly connect: number
  readonly read: number
  readonly write: number
  readonly status: number
  readonly timeout: number
  readonly p50Micros: number
  readonly p99Micros: number
}

/** Drives the endpoint with wrk. Any error voids the result. */
export async function runWrk(bench: Bench, endpoint: Endpoint, load: WrkLoad): Promise<LoadResult> {
  const bodiesFile = join(bench.scratch, 'wrk-bodies.txt')
  const headersFile = join(bench.scratch, 'wrk-headers.txt')
  writeFileSync(bodiesFile, `${load.bodies.join('\n')}\n`)
  writeFileSync(
    headersFile,
    Object.entries(endpoint.headers)
      .map(([name, value]) => `${name}: ${value}\n`)
      .join(''),
  )
  const shape = ['-t1', `-c${load.connections}`, `-d${load.seconds}s`, '--timeout', '4s']
  const script = ['-s', join(import.meta.dirname, 'post.lua')]
  const url = `http://127.0.0.1:${endpoint.port}${load.path ?? chatPath}`
  const args = [...shape, ...script, url, '--', bodiesFile, headersFile]
  const printed = await bench.supervisor.run({ name: 'wrk', command: 'wrk', args }, (load.seconds + 6) * 1000)
  return toLoadResult(parseOutcome(printed))
}

function parseOutcome(printed: string): WrkOutcome {
  const line = printed.trim().split('\n').at(-1) ?? ''
  if (!line.startsWith('{')) throw new BenchError(`wrk did not report: ${printed.slice(-300)}`)
  // post.lua prints exactly this type.
  return JSON.parse(line) as WrkOutcome
}

function toLoadResult(outcome: WrkOutcome): LoadResult {
  const { requests, durationMicros, connect, read, write, status, timeout, p50Micros, p99Micros } = outcome
  const errors = connect + read + write + status + timeout
  const detail = `connect ${connect}, read ${read}, write ${write}, status ${status}, timeout ${timeout}`
  return {
    units: requests,
    wallMs: durationMicros / 1000,
    voids: errors > 0 ? [`errors: ${detail}`] : [],
    extra: { p50Micros, p99Micros },
  }
}
