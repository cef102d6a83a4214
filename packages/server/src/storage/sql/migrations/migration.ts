/** One step of the schema. */

/** The names that a SQL dialect gives to the few column types in use. */
export interface ColumnTypes {
  /** An integer primary key that the database counts up. */
  readonly key: string
  /** 64 bits: times are milliseconds. */
  readonly integer: string
  /** 64 bits: durations have fractions of a millisecond. */
  readonly real: string
  readonly text: string
  readonly bytes: string
  /** Follows a table's columns where its rows are to be kept in the primary key's order. May be empty. */
  readonly clustered: string
}

/** A numbered step. It is plain data: the start of the server must not load a query builder. */
export interface Migration {
  readonly version: number
  readonly name: string
  /** The statements, run in one transaction together with the note that they were run. */
  readonly statements: (types: ColumnTypes) => readonly string[]
}
