/** The part of a chain of responses that models are still told. */
import type { ChainRow } from '../../../storage/agent-state.ts'

/** The rows from the last one on that stands for all before it; all where none does. */
export function toToldRows(chain: readonly ChainRow[]): readonly ChainRow[] {
  return chain.slice(
    Math.max(
      0,
      chain.findLastIndex(({ beginsHistory }) => beginsHistory === true),
    ),
  )
}
