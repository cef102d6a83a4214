import type { Migration } from './migration.ts'

/** What of a request was done otherwise than asked. */
export const requestLogAdjustments: Migration = {
  version: 9,
  name: 'request log adjustments',
  statements: (types) => [`ALTER TABLE request_log ADD COLUMN adjustments ${types.text}`],
}
