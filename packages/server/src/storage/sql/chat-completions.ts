/** Stored chat completions in SQL. */
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
import type { Queries } from './queries.ts'
import type { SqliteDatabase } from './sqlite-database.ts'
import type { Tables } from './tables.ts'

type Row = Selectable<Tables['chat_completions']>

const Metadata = z.record(z.string(), z.string()).nullable()
const ReplyFormat = z.enum(['json', 'sse'])

/** Prepares the statements of the table once, and returns what makes the repository of a principal. */
export function prepareChatCompletions(database: SqliteDatabase): (principal: Principal) => ChatCompletionRepository {
  const { writer } = database
  const insert = prepareInsert(database)
  const setMetadata = database.connection.prepare('UPDATE chat_completions SET metadata = ? WHERE owner = ? AND id = ?')
  const remove = database.connection.prepare('DELETE FROM chat_completions WHERE owner = ? AND id = ?')

  return ({ id: owner }) => ({
    insert: (completion) => writer.write(() => insert(owner, completion)),
    async find(id) {
      const rows = selectOwned(await database.queries(), owner)
      const row = await rows.where('id', '=', id).executeTakeFirst()
      return row === undefined ? undefined : toChatCompletionRow(row)
    },
    list: (query) => list(database, owner, query),
    updateMetadata: (id, metadata) =>
      writer.write(() => setMetadata.run(toJsonText(metadata), owner, id).changes === 1),
    delete: (id) => writer.write(() => remove.run(owner, id).changes === 1),
  })
}

function prepareInsert({ connection }: SqliteDatabase): (owner: string, completion: NewChatCompletion) => void {
  const insert = connection.prepare(
    `INSERT INTO chat_completions (owner, id, created_at_ms, model, metadata, reply_format, request, reply)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (owner, id) DO NOTHING`,
  )
  const renameOlder = connection.prepare("UPDATE chat_completions SET id = id || '~' || seq WHERE owner = ? AND id = ?")
  return (owner, { id, createdAtMs, model, metadata, reply, request }) => {
    const bytes = reply.bytes instanceof Uint8Array ? reply.bytes : Buffer.concat(reply.bytes)
    const run = (): boolean =>
      insert.run(owner, id, createdAtMs, model, toJsonText(metadata), reply.format, request, bytes).changes === 1
    if (run()) return
    renameOlder.run(owner, id)
    run()
  }
}

function selectOwned({ selectFrom }: Queries, owner: string) {
  return selectFrom('chat_completions').selectAll().where('owner', '=', owner)
}

async function list(
  database: SqliteDatabase,
  owner: string,
  { after, limit, order, model, metadata }: ChatCompletionQuery,
): Promise<Page<ChatCompletionRow>> {
  const queries = await database.queries()
  let rows = selectOwned(queries, owner)
  if (after !== undefined) {
    const last = await rows.clearSelect().select(['created_at_ms', 'seq']).where('id', '=', after).executeTakeFirst()
    if (last === undefined) throw unknownCursor(after)
    rows = rows.where((eb) =>
      eb(eb.refTuple('created_at_ms', 'seq'), order === 'asc' ? '>' : '<', eb.tuple(last.created_at_ms, last.seq)),
    )
  }
  if (model !== undefined) rows = rows.where('model', '=', model)
  for (const [key, value] of Object.entries(metadata ?? {})) {
    // json_each compares the key as a value. A JSON path would have to be composed from it.
    rows = rows.where(
      queries.sql<boolean>`exists (select 1 from json_each(metadata) where key = ${key} and value = ${value})`,
    )
  }
  const found = await rows
    .orderBy('created_at_ms', order)
    .orderBy('seq', order)
    .limit(limit + 1)
    .execute()
  return { rows: found.slice(0, limit).map(toChatCompletionRow), hasMore: found.length > limit }
}

function unknownCursor(after: string): StackError {
  return new StackError('invalid_value', {
    param: 'after',
    problem: 'no stored chat completion has this id',
    value: JSON.stringify(after),
    fix: 'Send the last id of the page before, or leave it out to begin anew.',
  })
}

function toChatCompletionRow(row: Row): ChatCompletionRow {
  return {
    id: row.id,
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
