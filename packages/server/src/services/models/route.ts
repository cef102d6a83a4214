/** Where a call may go. */
import type { JsonObject } from '@llama-stack/api'
import type { Strategy } from '../reliability/balance.ts'
import type { Target } from '../reliability/target.ts'
import type { ModelRoom } from './model-facts-book.ts'

/** One place that can answer. */
export interface RouteTarget {
  readonly target: Target
  /** Its share of the calls, relative to the others. */
  readonly weight: number
  readonly metadata: JsonObject
  /** How much it can take. Default: nobody knows. */
  readonly room?: ModelRoom
}

/** How the targets of a name are used; what is absent follows the policy of the server. */
export interface RoutePlan {
  readonly strategy: Strategy
  /** Asks a second target when the first is silent for so long. */
  readonly hedgeAfterMs?: number
  readonly continuation?: boolean
  readonly retries?: number
}

/** From the name that a client used to the targets that can answer. Kept as long as the lists of models are the same. */
export interface Route extends RoutePlan {
  /** As the client named it; what `model` says in the reply to an OGX client. */
  readonly requested: string
  readonly targets: readonly [RouteTarget, ...RouteTarget[]]
}

/** What a name of the configuration stands for, where it is more than another name. */
export interface AliasGroup extends RoutePlan {
  readonly targets: readonly { readonly model: string; readonly weight: number }[]
}

/** Further names of models: for one model, or for a group of targets. A group in a group stands for its first target. */
export type Aliases = Readonly<Record<string, string | AliasGroup>>

/** The names that a name stands for, the first choice first; the name itself where it is no alias. */
export function resolveAlias(aliases: Aliases, name: string): readonly [string, ...string[]] {
  // A name that objects have by birth is no alias.
  const alias = Object.hasOwn(aliases, name) ? aliases[name] : undefined
  if (alias === undefined) return [name]
  if (typeof alias === 'string') return [alias]
  const [first, ...others] = alias.targets.map(({ model }) => model)
  return first === undefined ? [name] : [first, ...others]
}
