import type { Migration } from './migration.ts'

/** What trying models out has shown; the last outcome of each. */
export const modelProbes: Migration = {
  version: 6,
  name: 'model probes',
  statements: (types) => [
    `CREATE TABLE model_probes (
      owner ${types.text} NOT NULL,
      provider_id ${types.text} NOT NULL,
      provider_model_id ${types.text} NOT NULL,
      facts ${types.text} NOT NULL,
      probed_at_ms ${types.integer} NOT NULL,
      PRIMARY KEY (owner, provider_id, provider_model_id)
    ) ${types.clustered}`,
  ],
}
