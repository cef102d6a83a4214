/** What the server does when a provider fails, is slow or is busy: the settings of the block `reliability`. */
import { z } from 'zod'
import { parseOnce } from '../kernel/parse-once.ts'

const milliseconds = z.int().min(1)

/** How many calls one provider has at a time. */
const BulkheadSettings = z.strictObject({
  /** Streams count until they end. */
  maxConcurrent: z.int().min(1),
  /** How many calls may wait for a place; further ones are refused, or go to the next target. */
  maxQueue: z.int().min(0).default(100),
  /** How long one may wait. */
  queueTimeoutMs: milliseconds.default(10_000),
})

/** When a target that keeps failing is left alone, and for how long. */
const BreakerSettings = z.strictObject({
  /** Failures in a row. */
  failures: z.int().min(1).default(5),
  /** The share of failures, of at least `minCalls` within `windowMs`. */
  failureRate: z.number().gt(0).max(1).default(0.5),
  minCalls: z.int().min(1).default(20),
  windowMs: z.int().min(10).default(30_000),
  /** Each probe that fails doubles the time, up to `maxOpenMs`. */
  openMs: milliseconds.default(10_000),
  maxOpenMs: milliseconds.default(60_000),
})

/** The waits between two calls to one target. */
const BackoffSettings = z.strictObject({
  baseMs: milliseconds.default(250),
  /** A vendor that asks for a longer wait (`Retry-After`) is not waited for. */
  maxMs: milliseconds.default(8000),
})

/** The policy of all models. */
export const ReliabilitySettings = z.strictObject({
  /** For everything that is tried for one request, up to the head of the reply. */
  deadlineMs: milliseconds.default(600_000),
  /** How often one target is asked again before the next one is: as often as the SDKs of upstream do. */
  retries: z.int().min(0).default(2),
  backoff: BackoffSettings.default(() => BackoffSettings.parse({}, parseOnce)),
  breaker: BreakerSettings.default(() => BreakerSettings.parse({}, parseOnce)),
  /** For each provider by itself. Absent: no bound. */
  bulkhead: BulkheadSettings.exactOptional(),
  /** Bounds of single providers, by their ids. */
  providers: z.record(z.string(), BulkheadSettings).default({}),
  /** Whether a stream that breaks off after its first content is continued by the next target of its alias. */
  continuation: z.boolean().default(false),
})
export type ReliabilitySettings = z.infer<typeof ReliabilitySettings>

/** A model of a group; a bare id has the weight 1. */
const AliasTarget = z.union([
  z.string().min(1),
  z.strictObject({ model: z.string().min(1), weight: z.number().positive().default(1) }),
])

/** A name for several targets. */
export const AliasGroup = z.strictObject({
  targets: z
    .array(AliasTarget)
    .min(1)
    .transform((targets) =>
      targets.map((target) => (typeof target === 'string' ? { model: target, weight: 1 } : target)),
    ),
  /**
   * `order`: the first, the others when it fails. `weighted`: by weight. `least_latency`: whichever answers fastest.
   * `session`: the same one for the same conversation, so that it meets its prompt cache.
   */
  strategy: z.enum(['order', 'weighted', 'least_latency', 'session']).default('order'),
  /** Asks a second target when the first has not answered by then. Absent: never. */
  hedgeAfterMs: milliseconds.exactOptional(),
  /** Over the policy of all models. */
  continuation: z.boolean().exactOptional(),
  retries: z.int().min(0).exactOptional(),
})
export type AliasGroup = z.infer<typeof AliasGroup>

/** Further names of models: for one, or for a group of targets. */
export const Aliases = z.record(z.string(), z.union([z.string(), AliasGroup]))
export type Aliases = z.infer<typeof Aliases>
