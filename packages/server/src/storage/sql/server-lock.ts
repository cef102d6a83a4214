/**
 * Notices that two servers, which do not know of each other, have one data folder open.
 *
 * The lock is SQLite's own, on a file beside the database: it ends with its process, however that ends, and it holds
 * between containers that share a disk, where process ids mean nothing.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { Log } from '@llama-stack/api'
import { createPrivately } from './private-file.ts'
import { isBusy } from './sqlite-error.ts'

/** A process that may hold a lock. */
export interface LockHolder {
  readonly pid: number
  readonly startedAtMs: number
}

/** Whose folder it is. */
export interface ServerLockOptions {
  /** The database file. */
  readonly path: string
  readonly holder: LockHolder
  readonly log: Log
}

/** A lock that was taken, or was refused: then there is nothing to dispose. */
export interface ServerLock extends Disposable {
  /** Who had the lock before. The lock was free, so that process is dead, or has closed the folder. */
  readonly predecessor?: LockHolder
}

/** Takes the lock, or warns with what is known of its holder. It never fails: the folder can be used all the same. */
export function createServerLock({ path, holder, log }: ServerLockOptions): ServerLock {
  const { DatabaseSync: Connection } = process.getBuiltinModule('node:sqlite')
  const nothing = { [Symbol.dispose]: () => undefined }
  let connection: DatabaseSync | undefined
  try {
    const file = `${path}.lock`
    createPrivately(file)
    connection = new Connection(file)
    // It holds one line that nobody needs after a crash: no fsync, no journal on the disk.
    connection.exec('PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY')
    connection.exec('CREATE TABLE IF NOT EXISTS holder (pid INTEGER, started_at_ms INTEGER)')
    connection.exec('BEGIN IMMEDIATE')
    const predecessor = findHolder(connection)
    connection.exec('DELETE FROM holder')
    connection.prepare('INSERT INTO holder VALUES (?, ?)').run(holder.pid, holder.startedAtMs)
    connection.exec('COMMIT')
    // Held to the end. Others may still read whose it is.
    connection.exec('BEGIN IMMEDIATE')
    const held = connection
    return { ...(predecessor !== undefined && { predecessor }), [Symbol.dispose]: () => held.close() }
  } catch (error) {
    if (isBusy(error)) warn(connection, path, log)
    else log.debug('cannot tell whether another server uses the data folder', { reason: String(error) })
    connection?.close()
    return nothing
  }
}

function warn(connection: DatabaseSync | undefined, path: string, log: Log): void {
  const fix = 'Give each server a folder of its own with --data, or start one server with --workers N.'
  const holder = findHolder(connection)
  log.warn(`Another server has this data folder open: each would miss what the other registers. ${fix}`, {
    path,
    ...(holder !== undefined && { pid: holder.pid, since: new Date(holder.startedAtMs).toISOString() }),
  })
}

function findHolder(connection: DatabaseSync | undefined): LockHolder | undefined {
  try {
    const row = connection?.prepare('SELECT pid, started_at_ms FROM holder').get()
    return row === undefined ? undefined : { pid: Number(row['pid']), startedAtMs: Number(row['started_at_ms']) }
  } catch {
    // Taken a moment ago: the line is being written.
    return undefined
  }
}
