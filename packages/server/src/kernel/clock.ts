/** The machine's clock. */
import type { Clock } from '@llama-stack/api'

export const systemClock: Clock = Object.freeze({
  now: () => Date.now(),
  monotonic: () => performance.now(),
})
