import type { Migration } from './migration.ts'

/** Registered shields. */
export const shields: Migration = {
  version: 8,
  name: 'shields',
  statements: (types) => [
    `CREATE TABLE shields (
      seq ${types.key},
      owner ${types.text} NOT NULL,
      shield_id ${types.text} NOT NULL,
      provider_id ${types.text} NOT NULL,
      provider_shield_id ${types.text} NOT NULL,
      params ${types.text} NOT NULL
    )`,
    'CREATE UNIQUE INDEX shields_by_id ON shields (owner, shield_id)',
  ],
}
