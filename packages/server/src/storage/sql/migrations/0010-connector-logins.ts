import type { Migration } from './migration.ts'

/** Tokens for connectors, and logins that are under way. */
export const connectorLogins: Migration = {
  version: 10,
  name: 'connector logins',
  statements: (types) => [
    `CREATE TABLE connector_tokens (
      owner ${types.text} NOT NULL,
      connector_id ${types.text} NOT NULL,
      tokens ${types.text} NOT NULL,
      PRIMARY KEY (owner, connector_id)
    ) ${types.clustered}`,
    `CREATE TABLE pending_logins (
      state ${types.text} NOT NULL,
      expires_at_ms ${types.integer} NOT NULL,
      login ${types.text} NOT NULL,
      PRIMARY KEY (state)
    ) ${types.clustered}`,
  ],
}
