/**
 * Notices that two servers, which do not know of each other, have one data folder open.
 *
 * The lock is SQLite's own, on a file beside the database: it ends with its process, however that ends, and it holds
 * between containers that share a disk, where process ids mean nothing.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { Clock, Log } from '@llama-stack/api'
import { createPrivately } from './private-file.ts'
import { isBusy } from './sqlite-error.ts'

/** Whose folder it is. */
export interface ServerLockOptions {
  /** The database file. */
  readonly path: string
  readonly pid: number
  readonly clock: Clock
  readonly log: Log
}

/** Takes the lock, or warns with what is known of its holder. It never fails: the folder can be used all the same. */
export function createServerLock({ path, pid, clock, log }: ServerLockOptions): Disposable {
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
    connection.exec('DELETE FROM holder')
    connection.prepare('INSERT INTO holder VALUES (?, ?)').run(pid, clock.now())
    connection.exec('COMMIT')
    // Held to the end. Others may still read whose it is.
    connection.exec('BEGIN IMMEDIATE')
    const held = connection
    return { [Symbol.dispose]: () => held.close() }
  } catch (error) {
    if (isBusy(error)) warn(connection, path, log)
    else log.debug('cannot tell whether another server uses the data folder', { reason: String(error) })
    connection?.close()
    return nothing
  }
}

function warn(connection: DatabaseSync | undefined, path: string, log: Log): void {
  const fix = 'Give each server a folder of its own with --data, or start one server with --workers N.'
  log.warn(`Another server has this data folder open: each would miss what the other registers. ${fix}`, {
    path,
    ...findHolder(connection),
  })
}

function findHolder(connection: DatabaseSync | undefined): { pid?: number; since?: string } {
  try {
    const row = connection?.prepare('SELECT pid, started_at_ms FROM holder').get()
    if (row === undefined) return {}
    return { pid: Number(row['pid']), since: new Date(Number(row['started_at_ms'])).toISOString() }
  } catch {
    // Taken a moment ago: the line is being written.
    return {}
  }
}
