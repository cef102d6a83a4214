/** What the response cache holds for a caller, and what became of it. */
import * as z from 'zod'

const count = z.int().min(0)

export const ResponseCacheStatus = z
  .looseObject({
    object: z.literal('response_cache'),
    enabled: z.boolean().describe('Whether requests can be answered from it.'),
    owner: z.string().describe('The id of the caller’s key, as `response_cache.keys` of the configuration takes it.'),
    shared: z.boolean().describe('Whether the answers are those of all callers.'),
    entries: count,
    bytes: count,
    max_bytes: count.describe('The room of all callers together.'),
    hits: count.describe('Since the start of the server, as the other two.'),
    misses: count,
    joined: count.describe('Answered by an equal call that was under way.'),
    data: z
      .array(
        z.looseObject({
          operation: z.enum(['chat', 'text', 'embeddings', 'rerank']),
          model: z.string().describe('As it was asked for.'),
          entries: count,
          bytes: count,
          oldest_at: z.int().describe('Unix time in seconds.'),
          newest_at: z.int().describe('Unix time in seconds.'),
        }),
      )
      .describe('By operation and model.'),
  })
  .meta({ id: 'ResponseCacheStatus' })
export type ResponseCacheStatus = z.infer<typeof ResponseCacheStatus>

export const ResponseCacheFilter = z.looseObject({
  model: z.string().min(1).optional().describe('Only answers of this model, as it was asked for. Default: all.'),
})

export const ResponseCacheCleared = z.looseObject({ object: z.literal('response_cache.cleared'), deleted: count })
