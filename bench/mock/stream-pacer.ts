import type { Socket } from 'node:net'

/** One reply on its way: its frames, where it is, and when the next frame is due. */
export type PacedStream = {
  readonly socket: Socket
  readonly frames: readonly Buffer[]
  readonly intervalMs: number
  /** Called after the last frame was written. */
  readonly onEnd: () => void
  next: number
  dueMs: number
}

/** Sends the frames of all streams at their time, with one timer for all of them. */
export type StreamPacer = {
  /** Sends the first frame now and the others at their time. */
  add(stream: PacedStream): void
  /** Forgets a stream whose reader has gone. */
  remove(stream: PacedStream): void
}

/**
 * Creates a pacer.
 *
 * Frames are due at fixed times from the start of their stream, so a late timer does not shift the ones after it.
 */
export function createStreamPacer(): StreamPacer {
  const streams = new Set<PacedStream>()
  let timer: NodeJS.Timeout | undefined
  let armedForMs = Infinity

  const arm = (dueMs: number): void => {
    if (timer !== undefined && armedForMs <= dueMs) return
    clearTimeout(timer)
    armedForMs = dueMs
    timer = dueMs === Infinity ? undefined : setTimeout(tick, Math.max(0, dueMs - performance.now()))
  }

  const tick = (): void => {
    timer = undefined
    const nowMs = performance.now()
    let earliestMs = Infinity
    for (const stream of streams) {
      if (!sendDue(stream, nowMs)) earliestMs = Math.min(earliestMs, stream.dueMs)
      else streams.delete(stream)
    }
    arm(earliestMs)
  }

  return {
    add(stream) {
      if (sendDue(stream, performance.now())) return
      streams.add(stream)
      arm(stream.dueMs)
    },
    remove(stream) {
      streams.delete(stream)
    },
  }
}

/** Sends what is due; true when that was the last frame. */
function sendDue(stream: PacedStream, nowMs: number): boolean {
  while (stream.dueMs <= nowMs) {
    const frame = stream.frames[stream.next]
    if (frame === undefined) break
    stream.socket.write(frame)
    stream.next += 1
    stream.dueMs += stream.intervalMs
  }
  if (stream.next < stream.frames.length) return false
  stream.onEnd()
  return true
}
