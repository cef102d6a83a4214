import type { Migration } from './migration.ts'

/** Registered models and aliases. */
export const models: Migration = {
  version: 2,
  name: 'models',
  statements: (types) => [
    `CREATE TABLE models (
      seq ${types.key},
      owner ${types.text} NOT NULL,
      model_id ${types.text} NOT NULL,
      provider_id ${types.text} NOT NULL,
      provider_model_id ${types.text} NOT NULL,
      model_type ${types.text} NOT NULL,
      metadata ${types.text} NOT NULL,
      created_at_ms ${types.integer} NOT NULL
    )`,
    'CREATE UNIQUE INDEX models_by_id ON models (owner, model_id)',
  ],
}
