/** What an answer is found by. */
import { hash } from 'node:crypto'
import type { CacheableCall } from './cacheable-call.ts'
import { isStreamed } from './cacheable-call.ts'
import { toCanonicalJson } from './canonical-json.ts'
import { ignoredFields } from './ignored-fields.ts'

/** Changes whenever what is stored under a key changes its meaning: older answers are not found any more then. */
const VERSION = 1

/**
 * The SHA-256 of everything that an answer depends on, as hexadecimal digits. Beside the body that is where the call leads,
 * what the caller sends along to get there (keys, addresses), and how the reply is shaped. `owner` keeps principals apart.
 */
export function toCacheKey(call: CacheableCall, owner: string): string {
  const { operation, request, route, context, stores = false } = call
  const body = Object.fromEntries(Object.entries(request).filter(([name]) => !Object.hasOwn(ignoredFields, name)))
  return hash(
    'sha256',
    toCanonicalJson({
      version: VERSION,
      owner,
      operation,
      // The reply carries this name, in a spelling of its generation.
      requested: route.requested,
      generation: context.generation ?? 'ogx',
      targets: route.targets.map(({ target }) => target.name),
      providerData: context.providerData,
      testId: context.testId ?? null,
      streamed: isStreamed(call),
      // What was answered under an id can be looked up under it.
      stores,
      body,
    }),
  )
}
