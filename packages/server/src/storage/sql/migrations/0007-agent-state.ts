import type { ColumnTypes, Migration } from './migration.ts'

/**
 * Responses, conversations, prompts, and the jobs that finish what was begun. Large columns come last, so that a list does not
 * read through them. What belongs to a response or a conversation is kept in the order of its owner's `seq`, together: it is
 * read and deleted together, and a new response adds at the end.
 */
export const agentState: Migration = {
  version: 7,
  name: 'agent state',
  statements: (types) => [...responseTables(types), ...conversationTables(types), ...jobTables(types)],
}

const responseTables = (types: ColumnTypes): readonly string[] => [
  `CREATE TABLE responses (
      seq ${types.key},
      owner ${types.text} NOT NULL,
      id ${types.text} NOT NULL,
      created_at_ms ${types.integer} NOT NULL,
      model ${types.text} NOT NULL,
      status ${types.text} NOT NULL,
      background ${types.integer} NOT NULL,
      previous_id ${types.text},
      conversation_id ${types.text},
      job_id ${types.text},
      input ${types.text} NOT NULL,
      output ${types.text} NOT NULL,
      messages ${types.text} NOT NULL,
      body ${types.text} NOT NULL,
      state ${types.text}
    )`,
  'CREATE UNIQUE INDEX responses_by_id ON responses (owner, id)',
  'CREATE INDEX responses_by_owner ON responses (owner)',
  `CREATE TABLE response_events (
      response_seq ${types.integer} NOT NULL,
      first_sequence ${types.integer} NOT NULL,
      last_sequence ${types.integer} NOT NULL,
      packed ${types.integer} NOT NULL,
      events ${types.bytes} NOT NULL,
      PRIMARY KEY (response_seq, first_sequence)
    ) ${types.clustered}`,
  `CREATE TABLE tool_calls (
      response_seq ${types.integer} NOT NULL,
      call_id ${types.text} NOT NULL,
      outcome ${types.text},
      PRIMARY KEY (response_seq, call_id)
    ) ${types.clustered}`,
  `CREATE TABLE used_approvals (
      owner ${types.text} NOT NULL,
      approval_request_id ${types.text} NOT NULL,
      response_id ${types.text} NOT NULL,
      PRIMARY KEY (owner, approval_request_id)
    ) ${types.clustered}`,
]

/** Prompts too. */
const conversationTables = (types: ColumnTypes): readonly string[] => [
  `CREATE TABLE conversations (
      seq ${types.key},
      owner ${types.text} NOT NULL,
      id ${types.text} NOT NULL,
      created_at_ms ${types.integer} NOT NULL,
      metadata ${types.text} NOT NULL
    )`,
  'CREATE UNIQUE INDEX conversations_by_id ON conversations (owner, id)',
  `CREATE TABLE conversation_items (
      conversation_seq ${types.integer} NOT NULL,
      position ${types.integer} NOT NULL,
      id ${types.text} NOT NULL,
      response_id ${types.text},
      item ${types.text} NOT NULL,
      PRIMARY KEY (conversation_seq, position)
    ) ${types.clustered}`,
  'CREATE UNIQUE INDEX conversation_items_by_id ON conversation_items (conversation_seq, id)',
  `CREATE TABLE prompts (
      seq ${types.key},
      owner ${types.text} NOT NULL,
      id ${types.text} NOT NULL,
      default_version ${types.integer} NOT NULL
    )`,
  'CREATE UNIQUE INDEX prompts_by_id ON prompts (owner, id)',
  `CREATE TABLE prompt_versions (
      prompt_seq ${types.integer} NOT NULL,
      version ${types.integer} NOT NULL,
      created_at_ms ${types.integer} NOT NULL,
      variables ${types.text} NOT NULL,
      prompt ${types.text} NOT NULL,
      PRIMARY KEY (prompt_seq, version)
    ) ${types.clustered}`,
]

const jobTables = (types: ColumnTypes): readonly string[] => [
  `CREATE TABLE jobs (
      seq ${types.key},
      id ${types.text} NOT NULL,
      kind ${types.text} NOT NULL,
      owner ${types.text} NOT NULL,
      worker ${types.text},
      lease_until_ms ${types.integer} NOT NULL,
      attempts ${types.integer} NOT NULL,
      payload ${types.text} NOT NULL
    )`,
  'CREATE UNIQUE INDEX jobs_by_id ON jobs (id)',
  'CREATE INDEX jobs_by_kind ON jobs (kind)',
]
