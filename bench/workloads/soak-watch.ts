import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { BenchError } from '../harness/bench-error.ts'
import { readSocketInodes } from '../harness/listeners.ts'
import { readTreeCpuMicros } from '../harness/process-tree.ts'
import type { ProbeReading } from '../targets/memory-probe.ts'

/** The server and the vendors at one moment. */
export type SoakSample = ProbeReading & {
  readonly atMs: number
  /** Sockets of the server: those of clients, those to vendors, and those that listen. */
  readonly serverSockets: number
  /** Sockets of the process of the vendors: the other end of those to them. */
  readonly vendorSockets: number
  readonly cpuMicros: number
}

/** What is watched. */
export type SoakWatched = {
  readonly probeSocket: string
  readonly serverPid: number
  readonly vendorPid: number
}

/** Takes one sample; the server collects its garbage for it. */
export async function takeSample(watched: SoakWatched): Promise<SoakSample> {
  // Counted first: the probe's own connection is not to be among them.
  const serverSockets = readSocketInodes(watched.serverPid).length
  const vendorSockets = readSocketInodes(watched.vendorPid).length
  const reading = await readProbe(watched.probeSocket)
  return { atMs: Date.now(), ...reading, serverSockets, vendorSockets, cpuMicros: readTreeCpuMicros(watched.serverPid) }
}

function readProbe(path: string): Promise<ProbeReading> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    let text = ''
    socket.setEncoding('utf8').on('data', (piece: string) => (text += piece))
    socket.setTimeout(8_000, () => socket.destroy(new BenchError('the memory probe did not answer')))
    socket.on('error', reject)
    // memory-probe.ts prints exactly this type.
    socket.on('end', () => resolve(JSON.parse(text) as ProbeReading))
  })
}

/** Takes a sample at every period until the work is done. */
export async function sampleWhile<Value>(
  parts: { readonly watched: SoakWatched; readonly periodMs: number; readonly onSample: (sample: SoakSample) => void },
  work: Promise<Value>,
): Promise<Value> {
  let isDone = false
  const done = work.finally(() => (isDone = true))
  // Awaited below, too late to be its first handler; a failure is thrown there.
  done.catch(() => {})
  let dueMs = performance.now()
  while (!isDone) {
    parts.onSample(await takeSample(parts.watched))
    dueMs += parts.periodMs
    await Promise.race([done.catch(() => {}), sleep(Math.max(0, dueMs - performance.now()))])
  }
  return done
}
