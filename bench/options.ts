import { parseArgs } from 'node:util'
import { BenchError } from './harness/bench-error.ts'

/** What the command line asks for. */
export type Options = {
  readonly workloads: readonly string[]
  /** Rounds per cell, the first of which is discarded. */
  readonly rounds: number
  readonly quick: boolean
  readonly writeDocs: boolean
  /** Names of the targets to keep; empty keeps all. nginx and the direct line to the mock always stay. */
  readonly targets: readonly string[]
  /** How long the streams of many-streams live. */
  readonly streamSeconds: number
  /** How long a soak takes. */
  readonly minutes: number
  readonly seed: number
}

/** The help text. */
const usage = `usage: npm run bench -- <workload...> [options]

workloads
  chat              W1   chat completions, not streamed
  stream            W2   64 streams, paced and in bursts
  responses-stream  W2   the same through /v1/responses
  latency           W3   added time to the first event, added gap between events
  many-streams      W4   1,000 streams; slow readers; readers that vanish
  cold-start        W6   from spawn to the first answer
  responses         W7   responses with and without tools, and by the depth of what they continue
  replay            W12  recorded requests, replayed
  failover               three targets, one dead and one weak, to three that are well
  soak                   mixed traffic with faults for half an hour: do memory and sockets stay flat?

options
  --quick              3 rounds and shorter cells: shows that it works, not what it costs
  --rounds N           rounds per cell, the first is discarded (default 7)
  --targets a,b        only these, besides direct and nginx
  --stream-seconds N   life of a stream in many-streams (default 20; the full workload is 60)
  --minutes N          length of the soak (default 30; 2 with --quick)
  --seed N             order of the cells (default: drawn at start, recorded in the results)
  --write-docs         refresh docs/benchmarks.md with the tables of this run
`

/** Reads the command line; fails with the usage on anything unknown. */
export function parseOptions(args: readonly string[], knownWorkloads: readonly string[]): Options {
  const { values, positionals } = parseFlags(args)
  const unknown = positionals.filter((name) => !knownWorkloads.includes(name))
  if (positionals.length === 0 || unknown.length > 0) {
    throw new BenchError(`${unknown.length > 0 ? `unknown workload: ${unknown.join(', ')}\n\n` : ''}${usage}`)
  }
  const { quick } = values
  return {
    workloads: positionals,
    quick,
    rounds: parseCount('rounds', values.rounds ?? (quick ? '3' : '7'), 2),
    writeDocs: values['write-docs'],
    targets: values.targets
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
    streamSeconds: parseCount('stream-seconds', values['stream-seconds'] ?? (quick ? '6' : '20'), 4),
    minutes: parseCount('minutes', values.minutes ?? (quick ? '2' : '30'), 2),
    seed: parseCount('seed', values.seed ?? String(Date.now() % 1_000_000), 0),
  }
}

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        rounds: { type: 'string' },
        targets: { type: 'string', default: '' },
        'stream-seconds': { type: 'string' },
        minutes: { type: 'string' },
        seed: { type: 'string' },
        'write-docs': { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    throw new BenchError(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
  }
}

function parseCount(name: string, text: string, least: number): number {
  const count = Number(text)
  if (!Number.isInteger(count) || count < least)
    throw new BenchError(`--${name} is ${text}; it must be a whole number of at least ${least}`)
  return count
}
