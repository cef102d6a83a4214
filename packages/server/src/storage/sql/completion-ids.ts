/**
 * Which row has which id, written in sorted runs.
 *
 * Ids are random, so a plain index would touch another page for each row, and each page touched is written to the log:
 * twice the cost of the row itself. New hashes are appended to a short table instead, which lookups scan, and moved
 * behind it in order of the hash, many to a page. When they move follows from `seq` alone, so that nothing has to be
 * remembered between processes.
 */
import type { DatabaseSync } from 'node:sqlite'

/** Finds rows by their id. All of it is synchronous; what writes belongs into a job of the writer. */
export interface CompletionIds {
  /** To be called for each row, in the transaction that adds it. */
  add(seq: number, owner: string, id: string): void
  /** The newest row that was given this id, deleted or not. */
  find(owner: string, id: string): number | undefined
  /** For each id of a few rows its newest row. Ids are compared by their hash, so that no row has to be read. */
  findNewest(owner: string, ids: readonly string[]): ReadonlyMap<string, number>
}

/** What moves in one run. A lookup scans up to twice as many hashes, in half a millisecond. */
const RUN_ROWS = 4096
/** A run moves in slices of the hash's range, so that no turn of the event loop bears all of it: 2 ms each. */
const SLICES = 4
const STEP_ROWS = RUN_ROWS / SLICES
const HASH_BITS = 47
const SLICE_WIDTH = 2 ** HASH_BITS / SLICES

/** Prepares the statements of both tables once. */
export function prepareCompletionIds(connection: DatabaseSync): CompletionIds {
  const append = connection.prepare('INSERT OR REPLACE INTO chat_completion_recent_ids (seq, id_hash) VALUES (?, ?)')
  const slice = 'seq <= ? AND id_hash >= ? AND id_hash < ?'
  const copy = connection.prepare(
    `INSERT OR IGNORE INTO chat_completion_ids (id_hash, seq)
     SELECT id_hash, seq FROM chat_completion_recent_ids WHERE ${slice} ORDER BY id_hash, seq`,
  )
  const remove = connection.prepare(`DELETE FROM chat_completion_recent_ids WHERE ${slice}`)
  // In this order, because another process may move hashes between the two questions.
  const find = ['chat_completion_recent_ids', 'chat_completion_ids'].map((table) =>
    connection.prepare(
      `SELECT ids.seq FROM ${table} AS ids CROSS JOIN chat_completions AS row ON row.seq = ids.seq
       WHERE ids.id_hash = ? AND row.owner = ? AND row.id = ? ORDER BY ids.seq DESC LIMIT 1`,
    ),
  )
  const newestRecent = connection.prepare(
    `SELECT id_hash, max(seq) AS seq FROM chat_completion_recent_ids
     WHERE id_hash IN (SELECT value FROM json_each(?)) GROUP BY id_hash`,
  )
  const newestMoved = connection.prepare('SELECT max(seq) AS seq FROM chat_completion_ids WHERE id_hash = ?')

  /** A run moves while the next one gathers: its slices in turn, one for each step. */
  const moveSlice = (seq: number): void => {
    const last = (Math.ceil(seq / RUN_ROWS) - 1) * RUN_ROWS
    if (last === 0) return
    const index = (seq / STEP_ROWS - 1) % SLICES
    const bounds = [last, index * SLICE_WIDTH, (index + 1) * SLICE_WIDTH]
    copy.run(...bounds)
    remove.run(...bounds)
  }

  return {
    add(seq, owner, id) {
      append.run(seq, toIdHash(owner, id))
      if (seq % STEP_ROWS === 0) moveSlice(seq)
    },
    find(owner, id) {
      const idHash = toIdHash(owner, id)
      for (const statement of find) {
        const seq = statement.get(idHash, owner, id)?.['seq']
        if (typeof seq === 'number') return seq
      }
      return undefined
    },
    findNewest(owner, ids) {
      const hashes = ids.map((id) => toIdHash(owner, id))
      const recent = new Map(newestRecent.all(JSON.stringify(hashes)).map((row) => [row['id_hash'], row['seq']]))
      return new Map(
        hashes.map((idHash, index) => [
          ids[index] ?? '',
          Number(recent.get(idHash) ?? newestMoved.get(idHash)?.['seq'] ?? 0),
        ]),
      )
    },
  }
}

/** Spreads the ids of all owners over 47 bits, the most that SQLite keeps in six bytes. */
export function toIdHash(owner: string, id: string): number {
  let low = 0x2545f491
  let high = 0x4f6cdd1d
  for (const text of [owner, id]) {
    for (let index = 0; index < text.length; index += 1) {
      const unit = text.charCodeAt(index)
      low = Math.imul(low ^ unit, 0x01000193)
      high = Math.imul(high ^ unit, 0x5bd1e995)
      high ^= high >>> 15
    }
    // So that 'ab' of 'c' is not 'b' of 'ca'.
    low = Math.imul(low ^ 0x10000, 0x01000193)
    high = Math.imul(high ^ 0x10000, 0x5bd1e995)
  }
  low ^= low >>> 16
  low = Math.imul(low, 0x7feb352d)
  high = Math.imul(high ^ (high >>> 13), 0x5bd1e995)
  high ^= high >>> 15
  return (high & 0x7fff) * 2 ** 32 + ((low ^ (low >>> 15)) >>> 0)
}
