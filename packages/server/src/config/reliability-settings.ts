/** What the server does when a provider fails, is slow or is busy: the settings of the block `reliability`. */
import { z } from 'zod'
import { lateSchema } from '../kernel/late-schema.ts'

/** What a configuration without the block has. */
export const defaultReliability = Object.freeze({
  deadlineMs: 600_000,
  retries: 2,
  backoff: Object.freeze({ baseMs: 250, maxMs: 8000 }),
  breaker: Object.freeze({
    failures: 5,
    failureRate: 0.5,
    minCalls: 20,
    windowMs: 30_000,
    openMs: 10_000,
    maxOpenMs: 60_000,
  }),
  providers: Object.freeze({}),
  continuation: false,
})

const { backoff, breaker } = defaultReliability
const milliseconds = lateSchema(() => z.int().min(1))

/** How many calls one provider has at a time. */
const BulkheadSettings = lateSchema(() =>
  z.strictObject({
    /** Streams count until they end. */
    maxConcurrent: z.int().min(1),
    /** How many calls may wait for a place; further ones are refused, or go to the next target. */
    maxQueue: z.int().min(0).default(100),
    /** How long one may wait. */
    queueTimeoutMs: milliseconds.default(10_000),
  }),
)

/** When a target that keeps failing is left alone, and for how long. */
const BreakerSettings = lateSchema(() =>
  z.strictObject({
    /** Failures in a row. */
    failures: z.int().min(1).default(breaker.failures),
    /** The share of failures, of at least `minCalls` within `windowMs`. */
    failureRate: z.number().gt(0).max(1).default(breaker.failureRate),
    minCalls: z.int().min(1).default(breaker.minCalls),
    windowMs: z.int().min(10).default(breaker.windowMs),
    /** Each probe that fails doubles the time, up to `maxOpenMs`. */
    openMs: milliseconds.default(breaker.openMs),
    maxOpenMs: milliseconds.default(breaker.maxOpenMs),
  }),
)

/** The waits between two calls to one target. */
const BackoffSettings = lateSchema(() =>
  z.strictObject({
    baseMs: milliseconds.default(backoff.baseMs),
    /** A vendor that asks for a longer wait (`Retry-After`) is not waited for. */
    maxMs: milliseconds.default(backoff.maxMs),
  }),
)

/** The policy of all models. */
export const ReliabilitySettings = lateSchema(() =>
  z.strictObject({
    /** For everything that is tried for one request, up to the head of the reply. */
    deadlineMs: milliseconds.default(defaultReliability.deadlineMs),
    /** How often one target is asked again before the next one is: as often as the SDKs of upstream do. */
    retries: z.int().min(0).default(defaultReliability.retries),
    backoff: BackoffSettings.default(backoff),
    breaker: BreakerSettings.default(breaker),
    /** For each provider by itself. Absent: no bound. */
    bulkhead: BulkheadSettings.exactOptional(),
    /** Bounds of single providers, by their ids. */
    providers: z.record(z.string(), BulkheadSettings).default({ ...defaultReliability.providers }),
    /** Whether a stream that breaks off after its first content is continued by the next target of its alias. */
    continuation: z.boolean().default(defaultReliability.continuation),
  }),
)
export type ReliabilitySettings = z.infer<typeof ReliabilitySettings>

/** A model of a group; a bare id has the weight 1. */
const AliasTarget = lateSchema(() =>
  z.union([z.string().min(1), z.strictObject({ model: z.string().min(1), weight: z.number().positive().default(1) })]),
)

/** A name for several targets. */
export const AliasGroup = lateSchema(() =>
  z.strictObject({
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
  }),
)
export type AliasGroup = z.infer<typeof AliasGroup>

/** Further names of models: for one, or for a group of targets. */
export const Aliases = lateSchema(() => z.record(z.string(), z.union([z.string(), AliasGroup])))
export type Aliases = z.infer<typeof Aliases>
