import type { Migration } from './migration.ts'

/** The request log. Retention goes by `seq`, which follows time closely enough, and needs no index. */
export const requestLog: Migration = {
  version: 3,
  name: 'request log',
  statements: (types) => [
    `CREATE TABLE request_log (
      seq ${types.key},
      owner ${types.text} NOT NULL,
      request_id ${types.text} NOT NULL,
      started_at_ms ${types.integer} NOT NULL,
      operation ${types.text},
      route ${types.text},
      method ${types.text} NOT NULL,
      path ${types.text} NOT NULL,
      status ${types.integer} NOT NULL,
      error_code ${types.text},
      model ${types.text},
      provider_id ${types.text},
      provider_model ${types.text},
      streamed ${types.integer} NOT NULL,
      demo ${types.integer} NOT NULL,
      input_tokens ${types.integer},
      output_tokens ${types.integer},
      total_tokens ${types.integer},
      first_byte_ms ${types.real},
      duration_ms ${types.real} NOT NULL,
      attempt_ms ${types.real},
      attempts ${types.text},
      client ${types.text}
    )`,
    'CREATE INDEX request_log_by_time ON request_log (owner, started_at_ms)',
  ],
}
