import type { Migration } from './migration.ts'

/**
 * Stored chat completions. The large columns come last, so that a filter does not read through them. Rows are only ever
 * added, each with the next `seq`: a deleted one is emptied and stays.
 *
 * Vendors' ids are random, and an index of random keys costs a page of the log for each row. So the hashes of new ids
 * are appended to `chat_completion_recent_ids` and moved to `chat_completion_ids` in sorted runs.
 */
export const chatCompletions: Migration = {
  version: 1,
  name: 'chat completions',
  statements: (types) => [
    `CREATE TABLE chat_completions (
      seq ${types.key},
      owner ${types.text} NOT NULL,
      id ${types.text} NOT NULL,
      deleted ${types.integer} NOT NULL,
      created_at_ms ${types.integer} NOT NULL,
      model ${types.text} NOT NULL,
      metadata ${types.text},
      reply_format ${types.text} NOT NULL CHECK (reply_format IN ('json', 'sse')),
      request ${types.bytes} NOT NULL,
      reply ${types.bytes} NOT NULL
    )`,
    'CREATE INDEX chat_completions_by_owner ON chat_completions (owner) WHERE deleted = 0',
    `CREATE TABLE chat_completion_recent_ids (seq ${types.key}, id_hash ${types.integer} NOT NULL)`,
    `CREATE TABLE chat_completion_ids (
      id_hash ${types.integer} NOT NULL,
      seq ${types.integer} NOT NULL,
      PRIMARY KEY (id_hash, seq)
    ) ${types.clustered}`,
  ],
}
