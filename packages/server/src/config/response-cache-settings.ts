/** Which answers are kept and given again: the settings of the block `response_cache`. */
import { z } from 'zod'

/** A year, as for the header of a request. 0: never. */
const seconds = z.int().min(0).max(31_536_000)
const bytes = z.int().min(0)

/** Nothing is cached by the defaults, unless a request asks for it. */
export const ResponseCacheSettings = z.strictObject({
  /** Whether there is a cache at all: where there is none, what requests ask of it has no effect. */
  enabled: z.boolean().default(true),
  /** How long answers are good where neither the request nor one of the two maps says so. */
  defaultTtlSeconds: seconds.default(0),
  /** By the name that a model is asked for with (an alias too), or by `provider/model`. */
  models: z.record(z.string(), seconds).default({}),
  /** By the ids of API keys, as `GET /v1alpha/admin/response-cache` tells them. They go before models. */
  keys: z.record(z.string(), seconds).default({}),
  /** Whether all callers are answered with each other's answers. */
  shared: z.boolean().default(false),
  /** Whether equal embeddings, and equal cached calls, that are under way at the same time become one. */
  coalesce: z.boolean().default(true),
  /** The room of all answers of all callers; those that were not used for the longest time go first. */
  maxBytes: bytes.default(256 * 1024 * 1024),
  /** Longer answers are not kept. */
  maxEntryBytes: bytes.default(8 * 1024 * 1024),
  /** The room of the answers that are held in memory as well. */
  memoryBytes: bytes.default(16 * 1024 * 1024),
})
export type ResponseCacheSettings = z.infer<typeof ResponseCacheSettings>
