/** Stored chat completions in SQL. */
import type { DatabaseSync } from 'node:sqlite'
import { type Principal, StackError } from '@llama-stack/api'
import type { Selectable } from 'kysely'
import * as z from 'zod'
import type {
  ChatCompletionQuery,
  ChatCompletionRepository,
  ChatCompletionRow,
  NewChatCompletion,
  Page,
} from '../storage.ts'
import { type CompletionIds, prepareCompletionIds } from './completion-ids.ts'
import type { SqliteDatabase } from './sqlite-database.ts'
import type { Tables } from './tables.ts'

type Row = Selectable<Tables['chat_completions']>

const Metadata = z.record(z.string(), z.string()).nullable()
const ReplyFormat = z.enum(['json', 'sse'])

/** Prepares the statements of the table once, and returns what makes the repository of a principal. */
export function prepareChatCompletions(database: SqliteDatabase): (principal: Principal) => ChatCompletionRepository {
  const { connection, writer } = database
  const rows = prepareRows(connection)
  const setMetadata = connection.prepare('UPDATE chat_completions SET metadata = ? WHERE seq = ? AND deleted = 0')
  const empty = connection.prepare(
    `UPDATE chat_completions SET deleted = 1, model = '', metadata = NULL, request = x'', reply = x''
     WHERE seq = ? AND deleted = 0`,
  )
  const insert = prepareInsert(connection, rows.ids)
  return ({ id: owner }) => ({
    insert: (completion) => writer.write(() => insert(owner, completion)),
    async find(id) {
      const seq = rows.locate(owner, id)
      const row = seq === undefined ? undefined : rows.get(seq)
      return row === undefined ? undefined : toChatCompletionRow(row, id)
    },
    list: (query) => list({ database, rows, owner, query }),
    updateMetadata: (id, metadata) =>
      writer.write(() => setMetadata.run(toJsonText(metadata), rows.locate(owner, id) ?? null).changes === 1),
    delete: (id) => writer.write(() => empty.run(rows.locate(owner, id) ?? null).changes === 1),
  })
}

/** Rows by the ids that are shown for them. */
interface Rows {
  readonly ids: CompletionIds
  /** The row that the id stands for, deleted or not. */
  locate(owner: string, id: string): number | undefined
  get(seq: number): Row | undefined
}

function prepareRows(connection: DatabaseSync): Rows {
  const ids = prepareCompletionIds(connection)
  const select = connection.prepare('SELECT * FROM chat_completions WHERE seq = ? AND deleted = 0')
  const isOwned = connection.prepare('SELECT 1 FROM chat_completions WHERE seq = ? AND owner = ? AND id = ?')
  return {
    ids,
    locate(owner, id) {
      const [, vendorId, seq] = NUMBERED.exec(id) ?? []
      if (vendorId !== undefined && isOwned.get(Number(seq), owner, vendorId) !== undefined) return Number(seq)
      return ids.find(owner, id)
    },
    // The columns are those of the migrations, which `Tables` follows.
    get: (seq) => select.get(seq) as Row | undefined,
  }
}

/** How a row is named whose id went to a newer one. */
const NUMBERED = /^(.+)~(\d{1,15})$/su

/** An id that a vendor gave in this very form is numbered too, so that no two rows are shown under one. */
function shownId(row: Row, newest: number | undefined): string {
  return newest === row.seq && !NUMBERED.test(row.id) ? row.id : `${row.id}~${row.seq}`
}

function prepareInsert(connection: DatabaseSync, ids: CompletionIds) {
  const insert = connection.prepare(
    `INSERT INTO chat_completions (owner, id, deleted, created_at_ms, model, metadata, reply_format, request, reply)
     VALUES (?, ?, 0, ?, ?, ?, ?, ?, ?)`,
  )
  return (owner: string, { id, createdAtMs, model, metadata, reply, request }: NewChatCompletion): void => {
    const bytes = toOneArray(reply.bytes)
    const json = toJsonText(metadata)
    const { lastInsertRowid } = insert.run(owner, id, createdAtMs, model, json, reply.format, request, bytes)
    ids.add(Number(lastInsertRowid), owner, id)
  }
}

function toOneArray(bytes: Uint8Array | readonly Uint8Array[]): Uint8Array {
  if (bytes instanceof Uint8Array) return bytes
  const [only] = bytes
  return bytes.length === 1 && only !== undefined ? only : Buffer.concat(bytes)
}

interface ListInput {
  readonly database: SqliteDatabase
  readonly rows: Rows
  readonly owner: string
  readonly query: ChatCompletionQuery
}

async function list({ database, rows, owner, query }: ListInput): Promise<Page<ChatCompletionRow>> {
  const { after, limit, order, model, metadata } = query
  const { selectFrom, sql } = await database.queries()
  let selection = selectFrom('chat_completions')
    .selectAll()
    .where('owner', '=', owner)
    // Written out, because SQLite takes the index over what is not deleted only where it sees the condition.
    .where(sql<boolean>`deleted = 0`)
  if (after !== undefined) {
    const last = rows.locate(owner, after)
    if (last === undefined) throw unknownCursor(after)
    selection = selection.where('seq', order === 'asc' ? '>' : '<', last)
  }
  if (model !== undefined) selection = selection.where('model', '=', model)
  for (const [key, value] of Object.entries(metadata ?? {})) {
    // json_each compares the key as a value. A JSON path would have to be composed from it.
    selection = selection.where(
      sql<boolean>`exists (select 1 from json_each(metadata) where key = ${key} and value = ${value})`,
    )
  }
  const found = await selection
    .orderBy('seq', order)
    .limit(limit + 1)
    .execute()
  const page = found.slice(0, limit)
  const newest = rows.ids.findNewest(
    owner,
    page.map((row) => row.id),
  )
  return {
    rows: page.map((row) => toChatCompletionRow(row, shownId(row, newest.get(row.id)))),
    hasMore: found.length > limit,
  }
}

function unknownCursor(after: string): StackError {
  return new StackError('invalid_value', {
    param: 'after',
    problem: 'no stored chat completion has this id',
    value: JSON.stringify(after),
    fix: 'Send the last id of the page before, or leave it out to begin anew.',
  })
}

function toChatCompletionRow(row: Row, id: string): ChatCompletionRow {
  return {
    id,
    createdAtMs: row.created_at_ms,
    model: row.model,
    request: row.request,
    reply: { format: ReplyFormat.parse(row.reply_format), bytes: row.reply },
    metadata: Metadata.parse(row.metadata === null ? null : JSON.parse(row.metadata)),
  }
}

function toJsonText(metadata: NewChatCompletion['metadata']): string | null {
  return metadata === undefined || metadata === null ? null : JSON.stringify(metadata)
}
