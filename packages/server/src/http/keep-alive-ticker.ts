/** One timer for all open event streams: it finds those that have been silent for too long. */

import { PlacedList } from '../kernel/placed-list.ts'
import type { Placed } from '../kernel/placed-list.ts'

/** A stream as the ticker sees it. */
export interface QuietStream extends Placed {
  /** Ticks since the last byte; whoever writes sets it to 0, which is all that a chunk costs. */
  quietTicks: number
  /** Called after the silence; sends a comment if the stream stands between two events. */
  breakSilence(): void
}

export interface KeepAliveTicker {
  add(stream: QuietStream): void
  delete(stream: QuietStream): void
}

/** Silence is noticed within a quarter of the interval. */
const TICKS = 4

/** Starts the ticker. Its timer runs only while streams are open and never keeps the process alive. */
export function createKeepAliveTicker(keepAliveMs: number): KeepAliveTicker {
  const streams = new PlacedList<QuietStream>()
  let timer: NodeJS.Timeout | undefined
  const tick = (): void => {
    for (const stream of streams) {
      stream.quietTicks += 1
      if (stream.quietTicks < TICKS) continue
      stream.quietTicks = 0
      stream.breakSilence()
    }
  }
  return {
    add(stream) {
      streams.add(stream)
      timer ??= setInterval(tick, keepAliveMs / TICKS).unref()
    },
    delete(stream) {
      streams.delete(stream)
      if (streams.size > 0) return
      clearInterval(timer)
      timer = undefined
    },
  }
}
