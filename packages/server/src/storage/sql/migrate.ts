/** Brings a SQLite file's schema up to date. */
import type { DatabaseSync } from 'node:sqlite'
import { type Clock, StackError } from '@llama-stack/api'
import type { ColumnTypes, Migration } from './migrations/migration.ts'

const sqliteTypes: ColumnTypes = Object.freeze({
  key: 'INTEGER PRIMARY KEY',
  integer: 'INTEGER',
  real: 'REAL',
  text: 'TEXT',
  bytes: 'BLOB',
  clustered: 'WITHOUT ROWID',
})

/** What the steps are run against. */
export interface MigrateOptions {
  readonly connection: DatabaseSync
  /** Named in errors. */
  readonly path: string
  readonly clock: Clock
  /** In order, without gaps, beginning with version 1. */
  readonly migrations: readonly Migration[]
}

/** Runs the steps that the file lacks, each in its own transaction. Two processes may do this at the same time. */
export function migrate(options: MigrateOptions): void {
  const { connection, path } = options
  const known = options.migrations.length
  while (true) {
    const found = readVersion(connection)
    if (found !== undefined && found > known) throw new StackError('storage_schema_newer', { path, found, known })
    const next = options.migrations[found ?? 0]
    if (next === undefined) return
    apply(options, next)
  }
}

function apply({ connection, clock }: MigrateOptions, migration: Migration): void {
  connection.exec('BEGIN IMMEDIATE')
  try {
    // Another process may have been faster between the question and the lock.
    if ((readVersion(connection) ?? 0) === migration.version - 1) {
      connection.exec(
        'CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at_ms INTEGER NOT NULL)',
      )
      for (const statement of migration.statements(sqliteTypes)) connection.exec(statement)
      connection
        .prepare('INSERT INTO schema_version (version, name, applied_at_ms) VALUES (?, ?, ?)')
        .run(migration.version, migration.name, clock.now())
    }
    connection.exec('COMMIT')
  } catch (error) {
    if (connection.isTransaction) connection.exec('ROLLBACK')
    throw error
  }
}

/** The last step that was run; `undefined` in a file without our table. */
function readVersion(connection: DatabaseSync): number | undefined {
  if (!hasTable(connection, "name = 'schema_version'")) return undefined
  return Number(connection.prepare('SELECT max(version) AS version FROM schema_version').get()?.['version'])
}

/** Throws when the file has tables but not ours: nothing may be changed in it. */
export function refuseForeignFile(connection: DatabaseSync, path: string): void {
  if (readVersion(connection) !== undefined || !hasTable(connection, "name NOT LIKE 'sqlite_%'")) return
  throw new StackError('storage_open_failed', { path, reason: 'it holds the tables of another program' })
}

function hasTable(connection: DatabaseSync, condition: string): boolean {
  return connection.prepare(`SELECT 1 FROM sqlite_schema WHERE type = 'table' AND ${condition}`).get() !== undefined
}
