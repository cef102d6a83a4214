/** What those that continue a response need of it. */
import type { ChainRow } from '../../../storage/agent-state.ts'

/** Without what else whoever gives it has: it is held for long. */
export function toChainRow(row: ChainRow): ChainRow {
  const { id, status, previousId, input, output, messages, beginsHistory = false } = row
  return { id, status, previousId, input, output, messages, beginsHistory }
}
