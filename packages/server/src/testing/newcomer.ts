/** Owners for tests that share one store. */
import type { Principal } from '@llama-stack/api'

/** A principal that nobody else uses. */
export function newcomer(): Principal {
  return { id: `owner-${crypto.randomUUID()}` }
}
