/** A declared route together with the operation that answers it: one row of the route table. */
import type { CallContext, Reply, Route } from '@llama-stack/api'

/** The operation of one route, its request already parsed by the route's schemas. */
export type Operation = (request: never, context: CallContext) => Promise<Reply<unknown, unknown>>

/** One row of the route table. */
export interface BoundRoute {
  /** The operation's name: unique within its tag. */
  readonly name: string
  readonly route: Route
  readonly operation: Operation
  /** The group of the reference: the API that the route belongs to. */
  readonly tag: string
}
