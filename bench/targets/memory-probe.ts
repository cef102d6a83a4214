/**
 * Loaded into the measured server by `node --expose-gc --import memory-probe.ts`: answers every connection to the socket
 * named by BENCH_PROBE_SOCKET with one line of JSON, a ProbeReading, and closes it.
 */
import { createServer } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { isMainThread } from 'node:worker_threads'

/** What a process says of itself, after a full collection. */
export type ProbeReading = {
  readonly rssBytes: number
  readonly heapBytes: number
  /** What V8 holds for the heap, used or not. */
  readonly heapCommittedBytes: number
  /** Memory of buffers and other objects outside of the heap. */
  readonly externalBytes: number
  /** What keeps the event loop busy, by kind. */
  readonly handles: Readonly<Record<string, number>>
  /** Since the reading before, that one's collection left out. */
  readonly loopDelayP99Ms: number
}

/** The name of the variable that tells where to listen. */
const socketVariable = 'BENCH_PROBE_SOCKET'
const resolutionMs = 10

function countByName(names: readonly string[]): Record<string, number> {
  return Object.fromEntries([...Map.groupBy(names, (name) => name)].map(([name, all]) => [name, all.length]))
}

function start(path: string): void {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs })
  delay.enable()
  const read = (): ProbeReading => {
    // What has come due during a pause is counted from when it was due.
    const loopDelayP99Ms = Math.max(0, delay.percentile(99) / 1e6 - resolutionMs)
    globalThis.gc?.()
    const { rss, heapUsed, heapTotal, external } = process.memoryUsage()
    const handles = countByName(process.getActiveResourcesInfo())
    delay.reset()
    return {
      rssBytes: rss,
      heapBytes: heapUsed,
      heapCommittedBytes: heapTotal,
      externalBytes: external,
      handles,
      loopDelayP99Ms,
    }
  }
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.end(`${JSON.stringify(read())}\n`)
  })
  server.listen(path)
  server.unref()
}

const path = process.env[socketVariable]
// Worker threads inherit the flags of their process.
if (path !== undefined && isMainThread) start(path)
