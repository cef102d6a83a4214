/** Deletes old rows of the request log, at the start and daily. */
import { type Clock, isStackError, type Log } from '@llama-stack/api'
import type { SqliteDatabase } from './sqlite-database.ts'

/** What is kept for how long. */
export interface RetentionOptions {
  readonly database: SqliteDatabase
  readonly clock: Clock
  readonly log: Log
  readonly retentionDays: number
}

const DAY_MS = 86_400_000
/** Small enough not to be felt by requests that wait for the same turn of the event loop. */
const BATCH_ROWS = 500

/** Creates the daily deletion and begins with the first one. */
export function createRequestLogRetention(options: RetentionOptions): AsyncDisposable {
  const stop = new AbortController()
  let sweeping = sweep(options, stop.signal)
  const timer = setInterval(() => {
    sweeping = sweeping.then(() => sweep(options, stop.signal))
  }, DAY_MS).unref()
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      stop.abort()
      await sweeping
    },
  }
}

async function sweep({ database, clock, log, retentionDays }: RetentionOptions, signal: AbortSignal): Promise<void> {
  // Rows are in order of their end, near enough to that of their start: the oldest are looked at and no index is needed.
  const remove = database.connection.prepare(
    `DELETE FROM request_log WHERE seq IN (SELECT seq FROM request_log ORDER BY seq LIMIT ${BATCH_ROWS}) AND started_at_ms < ?`,
  )
  const oldestKeptMs = clock.now() - retentionDays * DAY_MS
  let deleted = 0
  try {
    while (!signal.aborted) {
      const { changes } = await database.writer.write(() => remove.run(oldestKeptMs))
      deleted += Number(changes)
      if (changes < BATCH_ROWS) break
    }
  } catch (error) {
    // The next day tries again. A store that is closing has nothing to say.
    if (!isStackError(error, 'server_shutting_down'))
      log.warn('Old rows of the request log could not be deleted.', { reason: String(error) })
  }
  if (deleted > 0) log.debug('Deleted old rows of the request log.', { rows: deleted })
}
