import type { Migration } from './migration.ts'

/** Stored chat completions. The large columns come last, so that a filter does not read through them. */
export const chatCompletions: Migration = {
  version: 1,
  name: 'chat completions',
  statements: (types) => [
    `CREATE TABLE chat_completions (
      seq ${types.key},
      owner ${types.text} NOT NULL,
      id ${types.text} NOT NULL,
      created_at_ms ${types.integer} NOT NULL,
      model ${types.text} NOT NULL,
      metadata ${types.text},
      reply_format ${types.text} NOT NULL CHECK (reply_format IN ('json', 'sse')),
      request ${types.bytes} NOT NULL,
      reply ${types.bytes} NOT NULL
    )`,
    'CREATE UNIQUE INDEX chat_completions_by_id ON chat_completions (owner, id)',
    'CREATE INDEX chat_completions_by_time ON chat_completions (owner, created_at_ms, seq)',
  ],
}
