import type { Migration } from './migration.ts'

/** One number that changes with every registration: what other processes remember of the models is checked by it. */
export const modelRevision: Migration = {
  version: 5,
  name: 'model revision',
  statements: (types) => [
    `CREATE TABLE model_revision (revision ${types.integer} NOT NULL)`,
    'INSERT INTO model_revision (revision) VALUES (0)',
  ],
}
