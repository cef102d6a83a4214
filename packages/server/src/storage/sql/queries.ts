/** Queries composed at run time, by Kysely over the connection that is open already. */
import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import type { Kysely, Sql } from 'kysely'
import type { Tables } from './tables.ts'

/** The reading half of the query builder: writes go through the group commit, which owns all transactions. */
export interface Queries {
  readonly selectFrom: Kysely<Tables>['selectFrom']
  /** Binds what is interpolated; for what the builder cannot say. */
  readonly sql: Sql
}

/** Loads the query builder. It costs about 100 ms of CPU, so it is called by the first query and not at the start. */
export async function loadQueries(connection: DatabaseSync): Promise<Queries> {
  const { Kysely: Builder, sql, SqliteDialect } = await import('kysely')
  const database = { prepare: (sql: string) => toStatement(connection, sql), close: () => undefined }
  const builder = new Builder<Tables>({ dialect: new SqliteDialect({ database }) })
  return { selectFrom: builder.selectFrom.bind(builder), sql }
}

/** A prepared statement in the shape that Kysely's dialect expects. */
function toStatement(connection: DatabaseSync, sql: string) {
  const statement = connection.prepare(sql)
  // The builder is typed by `Tables`, whose columns are all values that SQLite takes.
  const toInputs = (parameters: readonly unknown[]): SQLInputValue[] => parameters as SQLInputValue[]
  return {
    reader: statement.columns().length > 0,
    all: (parameters: readonly unknown[]) => statement.all(...toInputs(parameters)),
    run: (parameters: readonly unknown[]) => statement.run(...toInputs(parameters)),
    iterate: (parameters: readonly unknown[]) => statement.iterate(...toInputs(parameters)),
  }
}
