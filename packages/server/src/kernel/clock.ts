/** The machine's clock. */
import type { Clock } from '@llama-stack/api'

const sinceBoot = (): number => {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e3 + nanoseconds / 1e6
}

const startedAtMs = sinceBoot() - process.uptime() * 1e3

/** Its `monotonic` counts from the start of the process, as `performance` does, whose module would cost a start 1 ms. */
export const systemClock: Clock = Object.freeze({
  now: () => Date.now(),
  monotonic: () => sinceBoot() - startedAtMs,
})
