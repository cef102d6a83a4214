/** Which answers are kept and given again: the settings of the block `response_cache`. */
import { z } from 'zod'
import { lateSchema } from '../kernel/late-schema.ts'

/** What a configuration without the block has: nothing is cached unless a request asks for it. */
export const defaultResponseCache = Object.freeze({
  enabled: true,
  defaultTtlSeconds: 0,
  models: Object.freeze({}),
  keys: Object.freeze({}),
  shared: false,
  coalesce: true,
  maxBytes: 256 * 1024 * 1024,
  maxEntryBytes: 8 * 1024 * 1024,
  memoryBytes: 16 * 1024 * 1024,
})

const defaults = defaultResponseCache
/** A year, as for the header of a request. */
export const MAX_TTL_SECONDS = 31_536_000
/** 0: never. */
const seconds = lateSchema(() => z.int().min(0).max(MAX_TTL_SECONDS))
const bytes = lateSchema(() => z.int().min(0))

/** Each setting that the block leaves out has its default. */
export const ResponseCacheSettings = lateSchema(() =>
  z.strictObject({
    /** Whether there is a cache at all: where there is none, what requests ask of it has no effect. */
    enabled: z.boolean().default(defaults.enabled),
    /** How long answers are good where neither the request nor one of the two maps says so. */
    defaultTtlSeconds: seconds.default(defaults.defaultTtlSeconds),
    /** By the name that a model is asked for with (an alias too), or by `provider/model`. */
    models: z.record(z.string(), seconds).default({ ...defaults.models }),
    /** By the ids of API keys, as `GET /v1alpha/admin/response-cache` tells them. They go before models. */
    keys: z.record(z.string(), seconds).default({ ...defaults.keys }),
    /** Whether all callers are answered with each other's answers. */
    shared: z.boolean().default(defaults.shared),
    /** Whether equal embeddings, and equal cached calls, that are under way at the same time become one. */
    coalesce: z.boolean().default(defaults.coalesce),
    /** The room of all answers of all callers; those that were not used for the longest time go first. */
    maxBytes: bytes.default(defaults.maxBytes),
    /** Longer answers are not kept. */
    maxEntryBytes: bytes.default(defaults.maxEntryBytes),
    /** The room of the answers that are held in memory as well. */
    memoryBytes: bytes.default(defaults.memoryBytes),
  }),
)
export type ResponseCacheSettings = z.infer<typeof ResponseCacheSettings>
