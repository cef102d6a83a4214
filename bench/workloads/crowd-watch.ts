import { setTimeout as sleep } from 'node:timers/promises'
import { readTreeRssBytes } from '../harness/process-tree.ts'
import { findSpread } from '../harness/statistics.ts'
import type { MockState } from '../mock/mode.ts'
import { readMockState, type RunningMock } from '../mock/start-mock.ts'

/** The server's memory and the mock's connections at one moment. */
export type Sample = { readonly atMs: number; readonly rssBytes: number; readonly mock: MockState }

const periodMs = 50

/** Takes samples until the work is done, and then until the mock has no stream left or a second and a half has passed. */
export async function watchWhile<Value>(
  watched: { readonly mock: RunningMock; readonly pid: number },
  work: Promise<Value>,
): Promise<{ readonly value: Value; readonly samples: readonly Sample[] }> {
  const samples: Sample[] = []
  let endedMs = Infinity
  const value = work.finally(() => (endedMs = performance.now()))
  // The loop below awaits it too late to be its first handler; a failure is thrown there.
  value.catch(() => {})
  for (;;) {
    const mock = await readMockState(watched.mock)
    samples.push({ atMs: Date.now(), rssBytes: readTreeRssBytes(watched.pid), mock })
    const sinceEndMs = performance.now() - endedMs
    if (sinceEndMs > 1_500 || (sinceEndMs > 0 && mock.activeStreams === 0)) break
    await sleep(periodMs)
  }
  return { value: await value, samples }
}

/** Highest memory in a stretch of time. */
export function peakRssBytes(samples: readonly Sample[], fromMs: number, toMs: number): number {
  const inside = samples.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs).map(({ rssBytes }) => rssBytes)
  return Math.max(0, ...inside)
}

/**
 * Memory at the end of a crowd, while its last streams are still open: the median of the last second and a half.
 *
 * The peak would also count what the collector had not yet come round to while megabytes went through.
 */
export function settledRssBytes(samples: readonly Sample[]): number {
  const open = samples.filter(({ mock }) => mock.activeStreams > 0)
  const untilMs = open.at(-1)?.atMs ?? 0
  return findSpread(open.filter(({ atMs }) => atMs > untilMs - 1_500).map(({ rssBytes }) => rssBytes))?.median ?? 0
}

/** How long after the moment the mock had seen that many streams broken off; undefined when it never did. */
export function findCloseMs(samples: readonly Sample[], vanished: { atMs: number; count: number }): number | undefined {
  const before = samples.findLast(({ atMs }) => atMs <= vanished.atMs)?.mock.abortedStreams ?? 0
  const closed = samples.find(
    ({ atMs, mock }) => atMs >= vanished.atMs && mock.abortedStreams - before >= vanished.count,
  )
  return closed === undefined ? undefined : closed.atMs - vanished.atMs
}
