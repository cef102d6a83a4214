/** What is done with one call: what its request asks for, else what is configured. */
import type { CacheableCall } from './cacheable-call.ts'
import { isStreamed } from './cacheable-call.ts'
import type { ResponseCachePolicy } from './cache-policy.ts'
import { parseCacheWish, toUndecided } from './cache-wish.ts'

export interface CachePlan {
  /** What the reply says where the answer is a new one. Absent: nothing. */
  readonly saysMiss?: 'miss' | 'refresh'
  /** The oldest answer that will do. Absent: none is looked for. */
  readonly maxAgeMs?: number
  /** How long the answer will be good. Absent: it is not kept. */
  readonly keepForMs?: number
  /** Whether an equal call under way will do. */
  readonly joins: boolean
}

/** For embeddings that are not cached. */
const JOIN_ONLY: CachePlan = Object.freeze({ joins: true })

/** Whether nothing is cached unless a request asks for it. */
export function isSilent({ defaultTtlSeconds, models, keys }: ResponseCachePolicy): boolean {
  return ![defaultTtlSeconds, ...Object.values(models), ...Object.values(keys)].some((seconds) => seconds > 0)
}

/** The plan; undefined where the call has nothing to do with the cache. Throws `invalid_value` for an unreadable wish. */
export function toCachePlan(call: CacheableCall, policy: ResponseCachePolicy): CachePlan | undefined {
  const { cacheControl } = call.context
  const joinsAnyway = policy.coalesce && call.operation === 'embeddings'
  if (cacheControl === undefined) {
    const seconds = configuredSeconds(call, policy)
    return seconds === 0 ? (joinsAnyway ? JOIN_ONLY : undefined) : toUse(seconds, call, policy)
  }
  const wish = parseCacheWish(cacheControl)
  switch (wish.kind) {
    case 'off':
      return undefined
    case 'no-store':
      return { saysMiss: 'miss', maxAgeMs: (configuredSeconds(call, policy) || Infinity) * 1000, joins: joinsAnyway }
    case 'refresh': {
      const seconds = wish.seconds ?? configuredSeconds(call, policy)
      if (seconds === 0) throw toUndecided(cacheControl)
      // A call under way may be older than the reason for this wish.
      return { saysMiss: 'refresh', keepForMs: seconds * 1000, joins: false }
    }
    case 'use':
      return toUse(wish.seconds, call, policy)
  }
}

function toUse(seconds: number, call: CacheableCall, { coalesce }: ResponseCachePolicy): CachePlan {
  return {
    saysMiss: 'miss',
    maxAgeMs: seconds * 1000,
    keepForMs: seconds * 1000,
    // Every reader of a stream has a pace of its own.
    joins: coalesce && !isStreamed(call),
  }
}

function configuredSeconds({ route, context }: CacheableCall, policy: ResponseCachePolicy): number {
  const { keys, models, defaultTtlSeconds } = policy
  return (
    own(keys, context.principal.id) ??
    own(models, route.requested) ??
    own(models, route.targets[0].target.name) ??
    defaultTtlSeconds
  )
}

/** Names of models are chosen by clients; those that objects have by birth are not meant. */
function own(map: Readonly<Record<string, number>>, name: string): number | undefined {
  return Object.hasOwn(map, name) ? map[name] : undefined
}
