/** The block `response_cache`, which is ours and which both dialects spell alike. */
import { z } from 'zod'
import { lateSchema } from '../../kernel/late-schema.ts'
import { flag, optional, wholeNumber } from '../file-values.ts'
import { MAX_TTL_SECONDS } from '../response-cache-settings.ts'
import type { StackConfigInput } from '../stack-config.ts'
import { present } from './present.ts'

const count = lateSchema(() => wholeNumber.pipe(z.int().min(0)))
const seconds = lateSchema(() => wholeNumber.pipe(z.int().min(0).max(MAX_TTL_SECONDS)))
const secondsByName = () => optional(z.record(z.string(), seconds))

/** `response_cache`. */
export const ResponseCacheBlock = lateSchema(() =>
  z.strictObject({
    enabled: optional(flag),
    default_ttl_seconds: optional(seconds),
    models: secondsByName(),
    keys: secondsByName(),
    shared: optional(flag),
    coalesce: optional(flag),
    max_bytes: optional(count),
    max_entry_bytes: optional(count),
    memory_bytes: optional(count),
  }),
)
export type ResponseCacheBlock = z.infer<typeof ResponseCacheBlock>

/** The settings of the block, without those that it leaves out. */
export function readResponseCache(block: ResponseCacheBlock): NonNullable<StackConfigInput['responseCache']> {
  return present({
    enabled: block.enabled,
    defaultTtlSeconds: block.default_ttl_seconds,
    models: block.models,
    keys: block.keys,
    shared: block.shared,
    coalesce: block.coalesce,
    maxBytes: block.max_bytes,
    maxEntryBytes: block.max_entry_bytes,
    memoryBytes: block.memory_bytes,
  })
}
