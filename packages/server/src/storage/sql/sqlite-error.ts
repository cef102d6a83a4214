/** What an error of SQLite means to the stack. */
import { StackError } from '@llama-stack/api'

const SQLITE_BUSY = 5

/** Another connection holds the lock that was asked for. */
export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error)
  // The low byte is the primary code; SQLITE_BUSY_RECOVERY and the like are extended codes.
  return code !== undefined && (code & 0xff) === SQLITE_BUSY
}

/** The error to show for a write that failed. What isn't SQLite's stays as it is: it is a bug of ours. */
export function toWriteError(error: unknown): unknown {
  if (sqliteCode(error) === undefined || !(error instanceof Error)) return error
  return new StackError('storage_failed', { reason: error.message }, { cause: error })
}

function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined
  return error.errcode
}
