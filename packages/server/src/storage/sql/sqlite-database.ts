/** One open SQLite file: its connection, its writer, its checkpoints. */
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DatabaseSync } from 'node:sqlite'
import { type Clock, isStackError, type Log, StackError } from '@llama-stack/api'
import type { WorkerRole } from '../backend.ts'
import { createCheckpointer } from './checkpointer.ts'
import { createGroupCommit, type GroupCommit } from './group-commit.ts'
import { migrate, refuseForeignFile } from './migrate.ts'
import { migrations } from './migrations/all.ts'
import { createPrivately } from './private-file.ts'
import { loadQueries, type Queries } from './queries.ts'
import { isBusy } from './sqlite-error.ts'

/** What repositories work with. */
export interface SqliteDatabase extends AsyncDisposable {
  /** For prepared statements; transactions belong to the writer. */
  readonly connection: DatabaseSync
  readonly writer: Pick<GroupCommit, 'write' | 'flush'>
  /** The query builder, loaded at the first call. */
  queries(): Promise<Queries>
}

/** Where the file is and how long to wait for its locks. */
export interface SqliteDatabaseOptions {
  readonly path: string
  readonly busyTimeoutMs: number
  readonly clock: Clock
  readonly log: Log
  /** Default: this process is the whole server. */
  readonly worker?: WorkerRole | undefined
}

/** What one statement may wait inside SQLite while the server runs: the event loop stands still meanwhile. */
const SERVING_BUSY_TIMEOUT_MS = 10

/** Opens or creates the file, readable by its owner only, and runs the migrations that it lacks. */
export async function openSqliteDatabase(options: SqliteDatabaseOptions): Promise<SqliteDatabase> {
  const path = resolve(options.path)
  const connection = await connect(path, options)
  const { worker } = options
  const checkpointer =
    worker?.maintains === false
      ? undefined
      : createCheckpointer({ connection, path, log: options.log, shared: worker !== undefined })
  const writer = createGroupCommit({
    connection,
    clock: options.clock,
    busyTimeoutMs: options.busyTimeoutMs,
    onCommit: () => checkpointer?.afterCommit(),
  })
  let queries: Promise<Queries> | undefined
  return {
    connection,
    writer,
    queries: () => (queries ??= loadQueries(connection)),
    async [Symbol.asyncDispose]() {
      if (!connection.isOpen) return
      await writer[Symbol.asyncDispose]()
      await checkpointer?.[Symbol.asyncDispose]()
      // The last connection to close moves what is left of the log and removes it.
      if (connection.isOpen) connection.close()
    },
  }
}

async function connect(path: string, options: SqliteDatabaseOptions): Promise<DatabaseSync> {
  const { DatabaseSync: Connection } = process.getBuiltinModule('node:sqlite')
  const deadlineMs = options.clock.monotonic() + options.busyTimeoutMs
  while (true) {
    let connection: DatabaseSync | undefined
    try {
      createPrivately(path)
      connection = new Connection(path, { timeout: SERVING_BUSY_TIMEOUT_MS })
      refuseForeignFile(connection, path)
      prepareForServing(connection, options)
      migrate({ connection, path, clock: options.clock, migrations })
      return connection
    } catch (error) {
      connection?.close()
      // Two processes that create one file exclude each other for a moment.
      if (!isBusy(error) || options.clock.monotonic() >= deadlineMs) throw toOpenError(error, path)
    }
    await sleep(20)
  }
}

function prepareForServing(connection: DatabaseSync, { log }: SqliteDatabaseOptions): void {
  const mode = connection.prepare('PRAGMA journal_mode = WAL').get()?.['journal_mode']
  if (mode !== 'wal')
    log.warn('The file system of the data folder does not support a write-ahead log.', { mode: String(mode) })
  connection.exec('PRAGMA synchronous = NORMAL')
  connection.exec('PRAGMA wal_autocheckpoint = 0')
}

function toOpenError(error: unknown, path: string): unknown {
  if (isStackError(error) || !(error instanceof Error) || !('code' in error)) return error
  return new StackError('storage_open_failed', { path, reason: error.message }, { cause: error })
}
