/** Conversations and their items in SQL. Positions count up within the writing transaction, so no two writers share one. */
import type { DatabaseSync } from 'node:sqlite'
import { type Principal, StackError } from '@llama-stack/api'
import * as z from 'zod'
import { lateSchema } from '../../kernel/late-schema.ts'
import type {
  ConversationAddition,
  ConversationItemQuery,
  ConversationItemRow,
  ConversationRepository,
  ConversationRow,
  NewConversationItem,
} from '../agent-state.ts'
import type { Page } from '../storage.ts'
import type { SqliteDatabase } from './sqlite-database.ts'

const Row = lateSchema(() => z.object({ id: z.string(), created_at_ms: z.number(), metadata: z.string() }))
const Metadata = lateSchema(() => z.record(z.string(), z.string()))
const ItemRow = lateSchema(() => z.object({ id: z.string(), item: z.string(), response_id: z.string().nullable() }))

/** Adds the items of a response, within a job of the writer. */
export type AppendItems = (owner: string, addition: ConversationAddition) => void

/** The conversations of principals, and what the transactions of responses add to them. */
export interface Conversations {
  readonly of: (principal: Principal) => ConversationRepository
  /**
   * An item that the conversation has already is not added again: its id names it. Nothing is added to a conversation that
   * was deleted in the meantime.
   */
  readonly append: AppendItems
}

/** Prepares the statements of both tables once. */
export function prepareConversations({ connection, writer }: SqliteDatabase): Conversations {
  const rows = prepareRows(connection)
  const items = prepareItems(connection)
  return {
    append(owner, { conversationId, items: added }) {
      const seq = rows.locate(owner, conversationId)
      if (seq !== undefined) items.add(seq, added)
    },
    of: ({ id: owner }) => ({
      insert: (row, added) => writer.write(() => items.add(rows.insert(owner, row), added, refuseRepeat)),
      find: async (id) => rows.find(owner, id),
      updateMetadata: (id, metadata) => writer.write(() => rows.setMetadata(owner, id, metadata)),
      delete: (id) =>
        writer.write(() => {
          const seq = rows.locate(owner, id)
          if (seq === undefined) return false
          items.removeAll(seq)
          rows.remove(seq)
          return true
        }),
      addItems: (id, added) =>
        writer.write(() => {
          const seq = rows.locate(owner, id)
          if (seq === undefined) return false
          items.add(seq, added, refuseRepeat)
          return true
        }),
      async listItems(id, query) {
        const seq = rows.locate(owner, id)
        return seq === undefined ? { rows: [], hasMore: false } : items.list(seq, query)
      },
      async findItem(id, itemId) {
        const seq = rows.locate(owner, id)
        return seq === undefined ? undefined : items.find(seq, itemId)?.item
      },
      deleteItem: (id, itemId) =>
        writer.write(() => {
          const seq = rows.locate(owner, id)
          return seq !== undefined && items.remove(seq, itemId)
        }),
    }),
  }
}

function prepareRows(connection: DatabaseSync) {
  const insert = connection.prepare(
    'INSERT INTO conversations (owner, id, created_at_ms, metadata) VALUES (?, ?, ?, ?)',
  )
  const select = connection.prepare('SELECT * FROM conversations WHERE owner = ? AND id = ?')
  const locate = connection.prepare('SELECT seq FROM conversations WHERE owner = ? AND id = ?')
  const setMetadata = connection.prepare('UPDATE conversations SET metadata = ? WHERE owner = ? AND id = ?')
  const remove = connection.prepare('DELETE FROM conversations WHERE seq = ?')
  return {
    insert: (owner: string, { id, createdAtMs, metadata }: ConversationRow): number =>
      Number(insert.run(owner, id, createdAtMs, JSON.stringify(metadata)).lastInsertRowid),
    find(owner: string, id: string): ConversationRow | undefined {
      const row = select.get(owner, id)
      return row === undefined ? undefined : toConversationRow(row)
    },
    locate(owner: string, id: string): number | undefined {
      const row = locate.get(owner, id)
      return row === undefined ? undefined : Number(row['seq'])
    },
    setMetadata: (owner: string, id: string, metadata: ConversationRow['metadata']): boolean =>
      setMetadata.run(JSON.stringify(metadata), owner, id).changes === 1,
    remove: (seq: number): void => void remove.run(seq),
  }
}

/** What is done about an item whose id the conversation has. */
type OnRepeat = (itemId: string) => void

const skipRepeat: OnRepeat = () => undefined

const refuseRepeat: OnRepeat = (itemId) => {
  throw new StackError('invalid_value', {
    param: 'items',
    problem: 'the conversation has an item of this id already',
    value: JSON.stringify(itemId),
    fix: 'Leave the id out to be given a new one.',
  })
}

/** Higher than any position, and lower than any. */
const [BEHIND_ALL, BEFORE_ALL] = [Number.MAX_SAFE_INTEGER, -1]
const ALL = -1

function prepareItems(connection: DatabaseSync) {
  const lastPosition = connection.prepare(
    'SELECT max(position) AS position FROM conversation_items WHERE conversation_seq = ?',
  )
  const insert = connection.prepare(
    `INSERT INTO conversation_items (conversation_seq, position, id, response_id, item) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (conversation_seq, id) DO NOTHING`,
  )
  const select = connection.prepare('SELECT * FROM conversation_items WHERE conversation_seq = ? AND id = ?')
  const page = 'SELECT * FROM conversation_items WHERE conversation_seq = ? AND position'
  const listAscending = connection.prepare(`${page} > ? ORDER BY position LIMIT ?`)
  const listDescending = connection.prepare(`${page} < ? ORDER BY position DESC LIMIT ?`)
  const remove = connection.prepare('DELETE FROM conversation_items WHERE conversation_seq = ? AND id = ?')
  const removeAll = connection.prepare('DELETE FROM conversation_items WHERE conversation_seq = ?')
  const positionOf = (seq: number, itemId: string): number => {
    const row = select.get(seq, itemId)
    if (row === undefined) throw unknownCursor(itemId)
    return Number(row['position'])
  }
  return {
    add(seq: number, items: readonly NewConversationItem[], onRepeat: OnRepeat = skipRepeat): void {
      let position = Number(lastPosition.get(seq)?.['position'] ?? 0)
      for (const { id, item, responseId } of items) {
        if (insert.run(seq, position + 1, id, responseId ?? null, item).changes === 1) position += 1
        else onRepeat(id)
      }
    },
    list(seq: number, { after, limit, order }: ConversationItemQuery): Page<ConversationItemRow> {
      const [statement, start] = order === 'asc' ? [listAscending, BEFORE_ALL] : [listDescending, BEHIND_ALL]
      const from = after === undefined ? start : positionOf(seq, after)
      const found = statement.all(seq, from, limit === undefined ? ALL : limit + 1)
      const rows = found.slice(0, limit).map(toItemRow)
      return { rows, hasMore: found.length > rows.length }
    },
    find(seq: number, itemId: string): ConversationItemRow | undefined {
      const row = select.get(seq, itemId)
      return row === undefined ? undefined : toItemRow(row)
    },
    remove: (seq: number, itemId: string): boolean => remove.run(seq, itemId).changes === 1,
    removeAll: (seq: number): void => void removeAll.run(seq),
  }
}

function unknownCursor(after: string): StackError {
  return new StackError('invalid_value', {
    param: 'after',
    problem: 'the conversation has no item of this id',
    value: JSON.stringify(after),
    fix: 'Send the last id of the page before, or leave it out to begin anew.',
  })
}

function toConversationRow(row: unknown): ConversationRow {
  const { id, created_at_ms, metadata } = Row.parse(row)
  return { id, createdAtMs: created_at_ms, metadata: Metadata.parse(JSON.parse(metadata)) }
}

function toItemRow(row: unknown): ConversationItemRow {
  const { id, item, response_id } = ItemRow.parse(row)
  return { id, item, responseId: response_id }
}
