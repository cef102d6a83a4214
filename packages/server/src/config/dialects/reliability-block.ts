/** The blocks `reliability` and `aliases`, which are ours and which both dialects spell alike. */
import { z } from 'zod'
import { lateSchema } from '../../kernel/late-schema.ts'
import { findNearest } from '../../kernel/nearest.ts'
import { flag, nameText, optional, plainNumber, wholeNumber } from '../file-values.ts'
import type { StackConfigInput } from '../stack-config.ts'
import type { DialectInput } from './dialect-input.ts'
import { present } from './present.ts'
import type { ProvidersBlock } from './provider-entries.ts'

const milliseconds = () => optional(wholeNumber.pipe(z.int().min(1)))
const count = () => optional(wholeNumber.pipe(z.int().min(0)))
const one = () => optional(wholeNumber.pipe(z.int().min(1)))

const BulkheadBlock = lateSchema(() =>
  z.strictObject({
    max_concurrent: wholeNumber.pipe(z.int().min(1)),
    max_queue: count(),
    queue_timeout_ms: milliseconds(),
  }),
)

const BackoffBlock = lateSchema(() => z.strictObject({ base_ms: milliseconds(), max_ms: milliseconds() }))

const BreakerBlock = lateSchema(() =>
  z.strictObject({
    failures: one(),
    failure_rate: optional(plainNumber.pipe(z.number().gt(0).max(1))),
    min_calls: one(),
    window_ms: optional(wholeNumber.pipe(z.int().min(10))),
    open_ms: milliseconds(),
    max_open_ms: milliseconds(),
  }),
)

/** `reliability`. */
export const ReliabilityBlock = lateSchema(() =>
  z.strictObject({
    deadline_ms: milliseconds(),
    retries: count(),
    backoff: optional(BackoffBlock),
    breaker: optional(BreakerBlock),
    bulkhead: optional(BulkheadBlock),
    providers: optional(z.record(z.string(), BulkheadBlock)),
    continuation: optional(flag),
  }),
)
export type ReliabilityBlock = z.infer<typeof ReliabilityBlock>

const AliasGroupBlock = lateSchema(() =>
  z.strictObject({
    targets: z
      .array(
        z.union([
          nameText,
          z.strictObject({ model: nameText, weight: optional(plainNumber.pipe(z.number().positive())) }),
        ]),
      )
      .min(1),
    strategy: optional(z.enum(['order', 'weighted', 'least_latency', 'session'])),
    hedge_after_ms: milliseconds(),
    continuation: optional(flag),
    retries: count(),
  }),
)

/** `aliases`: a name for one model, or for a group. */
export const AliasesBlock = lateSchema(() => z.record(z.string(), z.union([nameText, AliasGroupBlock])))
export type AliasesBlock = z.infer<typeof AliasesBlock>

/** Notes the bounds of providers that the file does not have: most likely a name is misspelt. */
export function checkBounds(
  block: ReliabilityBlock | null | undefined,
  providers: z.infer<typeof ProvidersBlock> | null | undefined,
  { findings }: DialectInput,
): void {
  const ids = Object.values(providers ?? {}).flatMap((entries) =>
    (entries ?? []).map((entry) => entry.provider_id ?? ''),
  )
  for (const id of Object.keys(block?.providers ?? {})) {
    if (ids.includes(id)) continue
    const nearest = findNearest(id, ids)
    findings.note(['reliability', 'providers', id], {
      severity: 'unknown',
      message: `There is no provider '${id}' here: its bounds have no effect.`,
      ...(nearest === undefined ? {} : { fix: `Did you mean '${nearest}'?` }),
      target: 'key',
    })
  }
}

/** The settings of the block, without those that it leaves out. */
export function readReliability(block: ReliabilityBlock): NonNullable<StackConfigInput['reliability']> {
  const { backoff, breaker, bulkhead, providers } = block
  return present({
    deadlineMs: block.deadline_ms,
    retries: block.retries,
    continuation: block.continuation,
    backoff: isGiven(backoff) ? present({ baseMs: backoff.base_ms, maxMs: backoff.max_ms }) : undefined,
    breaker: isGiven(breaker) ? readBreaker(breaker) : undefined,
    bulkhead: isGiven(bulkhead) ? readBulkhead(bulkhead) : undefined,
    providers: isGiven(providers)
      ? Object.fromEntries(Object.entries(providers).map(([id, bounds]) => [id, readBulkhead(bounds)]))
      : undefined,
  })
}

function readBreaker(block: z.infer<typeof BreakerBlock>) {
  return present({
    failures: block.failures,
    failureRate: block.failure_rate,
    minCalls: block.min_calls,
    windowMs: block.window_ms,
    openMs: block.open_ms,
    maxOpenMs: block.max_open_ms,
  })
}

function readBulkhead(block: z.infer<typeof BulkheadBlock>) {
  return {
    maxConcurrent: block.max_concurrent,
    ...present({ maxQueue: block.max_queue, queueTimeoutMs: block.queue_timeout_ms }),
  }
}

/** The names, with groups in our own spelling. */
export function readAliases(block: AliasesBlock): NonNullable<StackConfigInput['aliases']> {
  return Object.fromEntries(
    Object.entries(block).map(([name, alias]) => [name, typeof alias === 'string' ? alias : readGroup(alias)]),
  )
}

function readGroup(block: z.infer<typeof AliasGroupBlock>) {
  const { targets, strategy, continuation, retries } = block
  return {
    targets: targets.map((target) =>
      typeof target === 'string' ? target : { model: target.model, ...present({ weight: target.weight }) },
    ),
    ...present({ strategy, continuation, retries, hedgeAfterMs: block.hedge_after_ms }),
  }
}

function isGiven<Value>(value: Value | null | undefined): value is Value {
  return value !== null && value !== undefined
}
