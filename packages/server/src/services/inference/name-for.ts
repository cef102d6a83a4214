/** The name of the model that a reply carries. */
import type { CallContext } from '@llama-stack/api'
import type { Route } from '../models/route.ts'

/** OGX replies carry the model's name as it was asked for, Llama Stack's carry the provider's. */
export function nameFor({ requested }: Route, { generation }: CallContext): { rename?: string } {
  return generation === 'llama-stack' ? {} : { rename: requested }
}
