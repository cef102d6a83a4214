/**
 * Responses in SQL. The ordinary one is written by one statement when it has ended; its items are kept as the texts that
 * they came as.
 */
import type { DatabaseSync } from 'node:sqlite'
import { type Principal, StackError } from '@llama-stack/api'
import * as z from 'zod'
import { asText } from '../../kernel/json-record.ts'
import { lateSchema } from '../../kernel/late-schema.ts'
import type { ChainRow, ResponseQuery, ResponseRepository, ResponseRow } from '../agent-state.ts'
import { isOpen, openStatuses, responseStatuses } from '../response-status.ts'
import type { Page } from '../storage.ts'
import type { AppendItems } from './conversations.ts'
import type { JobRows } from './jobs.ts'
import { fromJsonLines, toJsonLines } from './json-lines.ts'
import { packSegment, type ResponseEvents } from './response-events.ts'
import type { SqliteDatabase } from './sqlite-database.ts'
import type { ToolCalls } from './tool-calls.ts'

/** What responses are stored with. */
export interface ResponseParts {
  readonly database: SqliteDatabase
  readonly events: ResponseEvents
  readonly calls: ToolCalls
  readonly jobs: JobRows
  readonly append: AppendItems
}

/** The open statuses in SQL. */
const OPEN = openStatuses.map((status) => `'${status}'`).join(', ')
/** More responses than a model's context has room for; it bounds what one request can make the store read. */
const MAX_CHAIN = 10_000

const Status = lateSchema(() => z.enum(responseStatuses))

const Row = lateSchema(() =>
  z.object({
    id: z.string(),
    created_at_ms: z.number(),
    model: z.string(),
    status: Status,
    background: z.number(),
    previous_id: z.string().nullable(),
    conversation_id: z.string().nullable(),
    input: z.string(),
    output: z.string(),
    messages: z.string(),
    body: z.string(),
    state: z.string().nullable(),
    begins_history: z.number(),
  }),
)

/** Prepares the statements of the table once, and returns what makes the repository of a principal. */
export function prepareResponses(parts: ResponseParts): (principal: Principal) => ResponseRepository {
  const { database, events, calls } = parts
  const { connection, writer } = database
  const statements = prepare(connection)
  const locate = (owner: string, id: string): number | undefined => {
    const row = statements.locate.get(owner, id)
    return row === undefined ? undefined : Number(row['seq'])
  }
  const getSeq = (owner: string, id: string): number => {
    const seq = locate(owner, id)
    if (seq === undefined) throw new StackError('response_not_found', { id })
    return seq
  }
  const insert = prepareInsert(parts)
  const advance = prepareAdvance(parts)
  const remove = prepareDelete(parts)

  return ({ id: owner }) => ({
    insert: insert(owner),
    advance: advance(owner),
    async find(id) {
      const row = statements.select.get(owner, id)
      return row === undefined ? undefined : toResponseRow(row)
    },
    findMany: async (ids) => statements.selectMany.all(owner, JSON.stringify(ids)).map(toChainRow),
    hasAll: async (ids) => Number(statements.count.get(owner, JSON.stringify(ids))?.['present']) === ids.length,
    chain: async (id) => toChain(statements.chain.all(owner, id, MAX_CHAIN + 1).map(toChainRow)),
    list: async (query) => list({ statements, owner, query }),
    delete: (id) => writer.write(() => remove(owner, id)),
    async events(id, afterSequence) {
      const seq = locate(owner, id)
      return seq === undefined ? [] : events.read(seq, afterSequence)
    },
    claimCall: (id, callId) => writer.write(() => calls.claim(getSeq(owner, id), callId)),
    settleCall: (id, callId, outcome) => writer.write(() => calls.settle(getSeq(owner, id), callId, outcome)),
    consumeApproval: (approvalRequestId, responseId) =>
      writer.write(() => calls.consumeApproval(owner, approvalRequestId, responseId)),
  })
}

const COLUMNS =
  'id, created_at_ms, model, status, background, previous_id, conversation_id, input, output, messages, body, state, begins_history'

const CHAIN_COLUMNS = 'id, status, previous_id, input, output, messages, begins_history'

function prepare(connection: DatabaseSync) {
  const page = `SELECT ${COLUMNS} FROM responses WHERE owner = ?1 AND (?2 IS NULL OR model = ?2) AND seq`
  return {
    locate: connection.prepare('SELECT seq FROM responses WHERE owner = ? AND id = ?'),
    select: connection.prepare(`SELECT ${COLUMNS} FROM responses WHERE owner = ? AND id = ?`),
    selectMany: connection.prepare(
      `SELECT ${CHAIN_COLUMNS} FROM responses WHERE owner = ?1 AND id IN (SELECT value FROM json_each(?2))`,
    ),
    count: connection.prepare(
      `SELECT count(*) AS present FROM json_each(?2) AS wanted CROSS JOIN responses
         ON responses.owner = ?1 AND responses.id = wanted.value`,
    ),
    // The recursion carries ids only; rows are read once the way is known.
    chain: connection.prepare(
      `WITH RECURSIVE chain (seq, before_id, depth) AS (
         SELECT seq, previous_id, 1 FROM responses WHERE owner = ?1 AND id = ?2
         UNION ALL
         SELECT earlier.seq, earlier.previous_id, depth + 1 FROM chain CROSS JOIN responses AS earlier
           ON earlier.owner = ?1 AND earlier.id = chain.before_id WHERE depth < ?3
       )
       SELECT ${CHAIN_COLUMNS} FROM chain CROSS JOIN responses
         ON responses.seq = chain.seq ORDER BY depth DESC`,
    ),
    ascending: connection.prepare(`${page} > ?3 ORDER BY seq LIMIT ?4`),
    descending: connection.prepare(`${page} < ?3 ORDER BY seq DESC LIMIT ?4`),
  }
}

function prepareInsert(parts: ResponseParts): (owner: string) => ResponseRepository['insert'] {
  const { database, events, jobs, append } = parts
  const insert = database.connection.prepare(
    `INSERT INTO responses (owner, id, created_at_ms, model, status, background, previous_id, conversation_id, job_id,
       input, output, messages, body, state, begins_history)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  return (owner) =>
    (row, { addition, events: segment, job } = {}) => {
      const { id, createdAtMs, model, status, background, previousId, conversationId, body, state } = row
      const links = [previousId, conversationId, job?.id ?? null]
      const texts = [toJsonLines(row.input), toJsonLines(row.output), toJsonLines(row.messages), body, state]
      const packed = segment === undefined ? undefined : packSegment(segment)
      return database.writer.write(() => {
        const head = [owner, id, createdAtMs, model, status, background ? 1 : 0, ...links]
        const written = insert.run(...head, ...texts, row.beginsHistory === true ? 1 : 0)
        if (packed !== undefined) events.add(Number(written.lastInsertRowid), packed)
        if (addition !== undefined) append(owner, addition)
        if (job !== undefined) jobs.insert(owner, job)
      })
    }
}

function prepareAdvance(parts: ResponseParts): (owner: string) => ResponseRepository['advance'] {
  const { events, jobs, append } = parts
  const { connection, writer } = parts.database
  const find = connection.prepare(
    `SELECT seq, job_id FROM responses WHERE owner = ?1 AND id = ?2 AND status IN (${OPEN})
       AND (?3 IS NULL OR ?3 = (SELECT worker FROM jobs WHERE jobs.id = job_id))`,
  )
  const update = connection.prepare(
    `UPDATE responses SET status = coalesce(?, status), output = coalesce(?, output), messages = coalesce(?, messages),
       body = coalesce(?, body), state = CASE ? WHEN 1 THEN ? ELSE state END,
       begins_history = max(begins_history, ?)
     WHERE seq = ?`,
  )
  return (owner) =>
    (id, progress, { addition, events: segment, worker } = {}) => {
      const { status, output, messages, body, state } = progress
      const ended = status !== undefined && !isOpen(status)
      const texts = [linesOrNull(output), linesOrNull(messages), body ?? null]
      const newState = ended ? [1, null] : [state === undefined ? 0 : 1, state ?? null]
      const packed = segment === undefined ? undefined : packSegment(segment)
      const hasChanged = Object.values(progress).some((value) => value !== undefined)
      return writer.write(() => {
        const row = find.get(owner, id, worker === undefined ? null : jobs.nameOf(worker))
        if (row === undefined) return false
        const seq = Number(row['seq'])
        if (packed !== undefined && !events.add(seq, packed)) return false
        // Most progress is events only, and a row is written as a whole.
        if (hasChanged) update.run(status ?? null, ...texts, ...newState, progress.beginsHistory === true ? 1 : 0, seq)
        if (addition !== undefined) append(owner, addition)
        if (ended && typeof row['job_id'] === 'string') jobs.remove(row['job_id'])
        return true
      })
    }
}

function linesOrNull(texts: readonly string[] | undefined): string | null {
  return texts === undefined ? null : toJsonLines(texts)
}

function prepareDelete({ database, events, calls, jobs }: ResponseParts): (owner: string, id: string) => boolean {
  const remove = database.connection.prepare('DELETE FROM responses WHERE owner = ? AND id = ? RETURNING seq, job_id')
  return (owner, id) => {
    const row = remove.get(owner, id)
    if (row === undefined) return false
    events.remove(Number(row['seq']))
    calls.remove(Number(row['seq']))
    if (typeof row['job_id'] === 'string') jobs.remove(row['job_id'])
    return true
  }
}

/** Undefined where a response of the chain is gone: then the oldest one found has another before it. */
function toChain(rows: readonly ChainRow[]): readonly ChainRow[] | undefined {
  if (rows.length > MAX_CHAIN) {
    throw new StackError('invalid_value', {
      param: 'previous_response_id',
      problem: `more than ${MAX_CHAIN} responses come before it`,
      fix: 'Compact the conversation with POST /v1/responses/compact and go on from what that returns.',
    })
  }
  return rows[0]?.previousId === null ? rows : undefined
}

interface ListInput {
  readonly statements: ReturnType<typeof prepare>
  readonly owner: string
  readonly query: ResponseQuery
}

function list({ statements, owner, query }: ListInput): Page<ResponseRow> {
  const { after, limit, order, model } = query
  let from = order === 'asc' ? 0 : Number.MAX_SAFE_INTEGER
  if (after !== undefined) {
    const row = statements.locate.get(owner, after)
    if (row === undefined) throw unknownCursor(after)
    from = Number(row['seq'])
  }
  const statement = order === 'asc' ? statements.ascending : statements.descending
  const found = statement.all(owner, model ?? null, from, limit + 1)
  return { rows: found.slice(0, limit).map(toResponseRow), hasMore: found.length > limit }
}

function unknownCursor(after: string): StackError {
  return new StackError('invalid_value', {
    param: 'after',
    problem: 'no stored response has this id',
    value: JSON.stringify(after),
    fix: 'Send the last id of the page before, or leave it out to begin anew.',
  })
}

/** Long chains are read for each response that continues them: their columns are looked at, and no object is built for it. */
function toChainRow(row: Readonly<Record<string, unknown>>): ChainRow {
  const { id, status, previous_id: previousId, input, output, messages, begins_history: beginsHistory } = row
  return {
    id: asText(id),
    status: Status.parse(status),
    previousId: typeof previousId === 'string' ? previousId : null,
    input: fromJsonLines(asText(input)),
    output: fromJsonLines(asText(output)),
    messages: fromJsonLines(asText(messages)),
    ...(beginsHistory === 1 && { beginsHistory: true }),
  }
}

function toResponseRow(row: unknown): ResponseRow {
  const { created_at_ms, background, previous_id, conversation_id, input, output, messages, begins_history, ...rest } =
    Row.parse(row)
  return {
    ...rest,
    createdAtMs: created_at_ms,
    background: background === 1,
    previousId: previous_id,
    conversationId: conversation_id,
    input: fromJsonLines(input),
    output: fromJsonLines(output),
    messages: fromJsonLines(messages),
    ...(begins_history === 1 && { beginsHistory: true }),
  }
}
