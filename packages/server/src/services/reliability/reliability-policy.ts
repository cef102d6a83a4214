/** How the server keeps answering when a vendor does not. The defaults are those of the configuration. */
import type { BackoffPolicy } from './backoff.ts'
import type { BulkheadPolicy } from './bulkhead.ts'
import type { BreakerPolicy } from './circuit-breaker.ts'

export interface ReliabilityPolicy {
  /** For all that is tried for one request, up to the head of its reply. */
  readonly deadlineMs: number
  /** How often one target is asked again before the next one is. */
  readonly retries: number
  readonly backoff: BackoffPolicy
  readonly breaker: BreakerPolicy
  /** For each provider by itself. Absent: no bound, and no cost. */
  readonly bulkhead?: BulkheadPolicy
  /** Bounds of single providers, by their ids, over the common ones. */
  readonly providers: Readonly<Record<string, BulkheadPolicy>>
  /** Whether a stream that breaks off after its first content is continued by the next target. */
  readonly continuation: boolean
}
