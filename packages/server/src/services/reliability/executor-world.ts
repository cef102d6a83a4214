/** What all runs of one executor share. */
import type { Clock } from '@llama-stack/api'
import type { DeadlineTicker } from './deadline-ticker.ts'
import type { ReliabilityPolicy } from './reliability-policy.ts'

export interface ExecutorWorld {
  readonly policy: ReliabilityPolicy
  readonly clock: Clock
  readonly ticker: DeadlineTicker
  /** From 0 up to 1. */
  readonly random: () => number
  /**
   * While recording or replaying: the first target is asked once, and what it says is the answer. Retries and fallbacks would
   * make calls that no recording has.
   */
  readonly once: boolean
}
