import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../kernel/clock.ts'
import { type CompletionIds, prepareCompletionIds, toIdHash } from './completion-ids.ts'
import { migrate } from './migrate.ts'
import { migrations } from './migrations/all.ts'

let connection: DatabaseSync
let ids: CompletionIds

beforeEach(() => {
  connection = new DatabaseSync(':memory:')
  migrate({ connection, path: ':memory:', clock: systemClock, migrations })
  ids = prepareCompletionIds(connection)
})
afterEach(() => connection.close())

function addRows(count: number, toId: (index: number) => string): void {
  const insert = connection.prepare(
    `INSERT INTO chat_completions (owner, id, deleted, created_at_ms, model, reply_format, request, reply)
     VALUES ('o', ?, 0, 1, 'm', 'json', x'', x'')`,
  )
  connection.exec('BEGIN')
  for (let index = 0; index < count; index += 1) {
    ids.add(Number(insert.run(toId(index)).lastInsertRowid), 'o', toId(index))
  }
  connection.exec('COMMIT')
}

function countRows(table: string): unknown {
  return connection.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.['n']
}

test('each row is found at every moment of its way', () => {
  for (let round = 0; round < 14; round += 1) {
    addRows(2000, (index) => `${round}-${index}`)
    for (let seq = 1; seq <= (round + 1) * 2000; seq += 613) {
      const id = `${Math.floor((seq - 1) / 2000)}-${(seq - 1) % 2000}`
      expect(ids.find('o', id)).toBe(seq)
      expect(ids.findNewest('o', [id]).get(id)).toBe(seq)
    }
  }
  expect(ids.find('p', '0-0')).toBeUndefined()
})

test('the table that lookups scan stays short', () => {
  addRows(50_000, (index) => `id-${index}`)
  const recent = Number(countRows('chat_completion_recent_ids'))
  expect(recent).toBeLessThanOrEqual(2 * 4096)
  expect(recent + Number(countRows('chat_completion_ids'))).toBe(50_000)
})

test('the newest of many rows with one id is found, moved or not', () => {
  addRows(40_000, () => 'same')
  expect(ids.find('o', 'same')).toBe(40_000)
  expect(ids.findNewest('o', ['same', 'other'])).toEqual(
    new Map([
      ['same', 40_000],
      ['other', 0],
    ]),
  )
})

test('rows that a step missed move with a later one', () => {
  addRows(20_000, (index) => `a-${index}`)
  connection.exec(
    'INSERT INTO chat_completion_recent_ids SELECT seq, id_hash FROM chat_completion_ids WHERE seq <= 3000',
  )
  connection.exec('DELETE FROM chat_completion_ids WHERE seq <= 2000')
  addRows(20_000, (index) => `b-${index}`)
  expect(ids.find('o', 'a-0')).toBe(1)
  expect(ids.find('o', 'a-2999')).toBe(3000)
  expect(connection.prepare('SELECT min(seq) > 20000 AS moved FROM chat_completion_recent_ids').get()?.['moved']).toBe(
    1,
  )
})

test('an id whose hash another row shares is found all the same', () => {
  addRows(3, (index) => `id-${index}`)
  connection.prepare('UPDATE chat_completion_recent_ids SET id_hash = ?').run(toIdHash('o', 'id-0'))
  expect(ids.find('o', 'id-0')).toBe(1)
})

test('hashes fill their range evenly, whatever the ids have in common', () => {
  const hashes = Array.from({ length: 40_000 }, (_, index) => toIdHash('local', `chatcmpl-${index}`))
  expect(new Set(hashes).size).toBe(40_000)
  const quarters = Map.groupBy(hashes, (idHash) => Math.floor(idHash / 2 ** 45))
  expect(new Set(quarters.keys())).toEqual(new Set([0, 1, 2, 3]))
  for (const { length } of quarters.values()) expect(length / 10_000).toBeCloseTo(1, 1)
  expect(toIdHash('ab', 'c')).not.toBe(toIdHash('a', 'bc'))
})
