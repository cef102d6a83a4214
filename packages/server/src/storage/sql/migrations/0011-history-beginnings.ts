import type { ColumnTypes, Migration } from './migration.ts'

/** Whether a response's own messages stand for the whole history before it. Zero and one take no room behind large columns. */
export const historyBeginnings: Migration = {
  version: 11,
  name: 'history beginnings',
  statements: (types: ColumnTypes) => [
    `ALTER TABLE responses ADD COLUMN begins_history ${types.integer} NOT NULL DEFAULT 0`,
  ],
}
