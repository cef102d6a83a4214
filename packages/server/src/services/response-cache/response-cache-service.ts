/** Inspecting and clearing the response cache: each caller sees the answers that its own calls may get. */
import type { CacheableOperation } from './cacheable-call.ts'
import { value } from '@llama-stack/api'
import type { ResponseCacheAdmin } from '@llama-stack/api'
import type { Storage } from '../../storage/storage.ts'
import type { ResponseCache } from './response-cache.ts'

export interface ResponseCacheServiceOptions {
  readonly cache: ResponseCache
  readonly storage: Pick<Storage, 'responseCache'>
  /** Whether calls go through the cache. */
  readonly enabled: boolean
  readonly maxBytes: number
}

/** Creates the service behind the routes of the cache. */
export function createResponseCacheService(options: ResponseCacheServiceOptions): ResponseCacheAdmin {
  const { cache, storage, enabled, maxBytes } = options
  return {
    async inspectResponseCache(_request, { principal }) {
      const owner = cache.ownerOf(principal)
      const summaries = await storage.responseCache(owner).summarize()
      return value({
        object: 'response_cache',
        enabled,
        owner: principal.id,
        shared: owner !== principal,
        entries: summaries.reduce((sum, { entries }) => sum + entries, 0),
        bytes: summaries.reduce((sum, { bytes }) => sum + bytes, 0),
        max_bytes: maxBytes,
        ...cache.countsOf(owner),
        data: summaries.map(({ operation, oldestAtMs, newestAtMs, ...summary }) => ({
          ...summary,
          // Only the cache writes, and it has these four.
          operation: operation as CacheableOperation,
          oldest_at: Math.floor(oldestAtMs / 1000),
          newest_at: Math.floor(newestAtMs / 1000),
        })),
      })
    },
    async clearResponseCache({ model }, { principal }) {
      const deleted = await cache.clear(cache.ownerOf(principal), model)
      return value({ object: 'response_cache.cleared', deleted })
    },
  }
}
