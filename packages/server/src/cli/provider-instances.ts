/** Which providers the running server has, for commands that say more where one runs. */
import { isStackError } from '@llama-stack/api'
import type { CommandContext } from './command.ts'
import { toServerClient } from './server-client.ts'
import type { ServerAddress } from './server-client.ts'
import { listServerProviders } from './server-providers.ts'
import type { ServerProvider } from './server-providers.ts'

/** A server on this machine answers at once. */
const PATIENCE_MS = 1500

/** The providers of the running server; none where no server runs, or where it does not let us look. */
export async function findInstances(
  address: ServerAddress,
  context: CommandContext,
): Promise<readonly ServerProvider[]> {
  const patience = AbortSignal.timeout(PATIENCE_MS)
  const client = toServerClient(address, context.fetch, AbortSignal.any([context.interrupts.signal, patience]))
  try {
    return await listServerProviders(client)
  } catch (error) {
    if (patience.aborted || isStackError(error, 'server_unreachable') || isStackError(error, 'server_refused'))
      return []
    throw error
  }
}

/** One of them in a table. */
export function toInstanceWords({ id, status, calls, failures }: ServerProvider): string {
  const health = { OK: 'well', Error: 'failing' }[status] ?? 'unknown'
  return `${id}: ${health}${calls === undefined || failures === 0 ? '' : `, ${failures} of ${calls} calls failed`}`
}
