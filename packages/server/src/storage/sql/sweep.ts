/** Deletes rows that nobody wants any more: at the start, and then at regular times. */
import { isStackError, type Log } from '@llama-stack/api'
import type { SqliteDatabase } from './sqlite-database.ts'

/** What is deleted, and how often. */
export interface SweepOptions {
  readonly database: SqliteDatabase
  readonly log: Log
  readonly everyMs: number
  /** As the log names them: `rows of the request log`. */
  readonly rows: string
  /** Deletes at most so many rows within a transaction, and tells how many it found. */
  readonly remove: (maxRows: number) => number
}

/** Small enough not to be felt by requests that wait for the same turn of the event loop. */
const BATCH_ROWS = 500

/** Creates the regular deletion and begins with the first one. */
export function createSweep(options: SweepOptions): AsyncDisposable {
  const stop = new AbortController()
  let sweeping = sweep(options, stop.signal)
  const timer = setInterval(() => {
    sweeping = sweeping.then(() => sweep(options, stop.signal))
  }, options.everyMs).unref()
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      stop.abort()
      await sweeping
    },
  }
}

async function sweep({ database, log, rows, remove }: SweepOptions, signal: AbortSignal): Promise<void> {
  let deleted = 0
  try {
    while (!signal.aborted) {
      const removed = await database.writer.write(() => remove(BATCH_ROWS))
      deleted += removed
      if (removed < BATCH_ROWS) break
    }
  } catch (error) {
    // The next time tries again. A store that is closing has nothing to say.
    if (!isStackError(error, 'server_shutting_down'))
      log.warn(`Old ${rows} could not be deleted.`, { reason: String(error) })
  }
  if (deleted > 0) log.debug(`Deleted old ${rows}.`, { rows: deleted })
}
