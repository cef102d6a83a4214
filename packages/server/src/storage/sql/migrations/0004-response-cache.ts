import type { Migration } from './migration.ts'

/**
 * Answers that may be given again, and the mark that they leave in the request log. The body comes last, so that a search
 * for what to evict does not read through it. `size_bytes` stands in the index that eviction goes by: the sum over all rows is
 * taken from there.
 */
export const responseCache: Migration = {
  version: 4,
  name: 'response cache',
  statements: (types) => [
    `CREATE TABLE response_cache (
      seq ${types.key},
      owner ${types.text} NOT NULL,
      key ${types.text} NOT NULL,
      operation ${types.text} NOT NULL,
      model ${types.text} NOT NULL,
      format ${types.text} NOT NULL CHECK (format IN ('value', 'bytes', 'stream')),
      created_at_ms ${types.integer} NOT NULL,
      expires_at_ms ${types.integer} NOT NULL,
      used_at_ms ${types.integer} NOT NULL,
      size_bytes ${types.integer} NOT NULL,
      origin ${types.text} NOT NULL,
      body ${types.bytes} NOT NULL
    )`,
    'CREATE UNIQUE INDEX response_cache_by_key ON response_cache (owner, key)',
    'CREATE INDEX response_cache_by_use ON response_cache (used_at_ms, size_bytes)',
    'CREATE INDEX response_cache_by_expiry ON response_cache (expires_at_ms)',
    `ALTER TABLE request_log ADD COLUMN cached ${types.integer} NOT NULL DEFAULT 0`,
  ],
}
