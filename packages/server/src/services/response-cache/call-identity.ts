/** What makes two calls equal, and what an answer is found by. */
import { hash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { CacheableCall } from './cacheable-call.ts'
import { isStreamed } from './cacheable-call.ts'
import { toCanonicalJson } from './canonical-json.ts'
import { ignoredFields } from './ignored-fields.ts'

/** Everything that the answer to a call depends on. */
export interface CallIdentity {
  /** All but the body, as one text. */
  readonly circumstances: string
  /** Without the fields that do not change the answer. */
  readonly body: Readonly<Record<string, unknown>>
}

/** Changes whenever what is stored under a key changes its meaning: older answers are not found any more then. */
const VERSION = 1

/**
 * Reads the identity of a call. Beside the body it is where the call leads, what the caller sends along to get there (keys,
 * addresses), and how the reply is shaped. `owner` keeps principals apart.
 */
export function toCallIdentity(call: CacheableCall, owner: string): CallIdentity {
  const { operation, request, route, context, stores = false } = call
  const circumstances = toCanonicalJson({
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
  })
  const body = Object.fromEntries(Object.entries(request).filter(([name]) => !Object.hasOwn(ignoredFields, name)))
  return { circumstances, body }
}

/** The SHA-256 of the identity, as hexadecimal digits. */
export function toCacheKey({ circumstances, body }: CallIdentity): string {
  return hash('sha256', circumstances + toCanonicalJson(body))
}

/**
 * Whether two bodies are equal. To find that out costs nearly nothing where they differ, which long texts do early; their
 * keys cost a millisecond for each 250 KB.
 */
export function isSameBody(one: CallIdentity, other: CallIdentity): boolean {
  return isDeepStrictEqual(one.body, other.body)
}
