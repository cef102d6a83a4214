/** Deletes old rows of the request log, at the start and daily. */
import type { Clock, Log } from '@llama-stack/api'
import type { SqliteDatabase } from './sqlite-database.ts'
import { createSweep } from './sweep.ts'

/** What is kept for how long. */
export interface RetentionOptions {
  readonly database: SqliteDatabase
  readonly clock: Clock
  readonly log: Log
  readonly retentionDays: number
}

const DAY_MS = 86_400_000

/** Creates the daily deletion and begins with the first one. */
export function createRequestLogRetention({ database, clock, log, retentionDays }: RetentionOptions): AsyncDisposable {
  // Rows are in order of their end, near enough to that of their start: the oldest are looked at and no index is needed.
  const remove = database.connection.prepare(
    'DELETE FROM request_log WHERE seq IN (SELECT seq FROM request_log ORDER BY seq LIMIT ?) AND started_at_ms < ?',
  )
  return createSweep({
    database,
    log,
    everyMs: DAY_MS,
    rows: 'rows of the request log',
    remove: (maxRows) => Number(remove.run(maxRows, clock.now() - retentionDays * DAY_MS).changes),
  })
}
