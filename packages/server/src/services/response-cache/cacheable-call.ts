/** A call as the response cache sees it. */
import type { CallContext } from '@llama-stack/api'
import type { Route } from '../models/route.ts'

/** The operations whose answers may be given again. */
export type CacheableOperation = 'chat' | 'text' | 'embeddings' | 'rerank'

export interface CacheableCall {
  readonly operation: CacheableOperation
  /** As the provider would get it, but for the name of the model. */
  readonly request: Readonly<Record<string, unknown>>
  readonly route: Route
  readonly context: CallContext
  /** Whether the answer becomes a stored completion. */
  readonly stores?: boolean
}

/** Whether the answer is to come as a stream. */
export function isStreamed({ request }: CacheableCall): boolean {
  return request['stream'] === true
}
