import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { silentLog } from '../../kernel/log.ts'
import { type Checkpointer, createCheckpointer } from './checkpointer.ts'
import type { DatabaseSync } from 'node:sqlite'

const { DatabaseSync: Connection } = process.getBuiltinModule('node:sqlite')

let folder: string
let connection: DatabaseSync
let checkpointer: Checkpointer

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'checkpointer-'))
  const path = join(folder, 'state.db')
  connection = new Connection(path)
  connection.exec('PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (filler BLOB)')
  checkpointer = createCheckpointer({ connection, path, log: silentLog, pageThreshold: 20 })
})
afterEach(async () => {
  await checkpointer[Symbol.asyncDispose]()
  connection.close()
  await rm(folder, { recursive: true })
})

/** Each row fills one page and more. */
function commitRows(count: number): void {
  const insert = connection.prepare('INSERT INTO t VALUES (zeroblob(4000))')
  for (let index = 0; index < count; index += 1) {
    insert.run()
    checkpointer.afterCommit()
  }
}

function pages(): { written: number; waiting: number } {
  const row = connection.prepare('PRAGMA wal_checkpoint(NOOP)').get()
  const written = Number(row?.['log'])
  return { written, waiting: written - Number(row?.['checkpointed']) }
}

test('a short log is left alone', () => {
  commitRows(5)
  expect(pages().waiting).toBeGreaterThan(0)
  expect(pages().waiting).toBe(pages().written)
})

test('a worker moves a log that has grown long', async () => {
  // As many as are looked at together: what is committed while the worker is at work waits for the next look.
  commitRows(16)
  await expect.poll(() => pages().waiting, { timeout: 5000 }).toBe(0)
  // The next write starts the log over.
  commitRows(1)
  expect(pages().written).toBeLessThan(10)
})

test('a shared log is watched by the one that moves it, whoever writes', async () => {
  await using shared = createCheckpointer({
    connection,
    path: join(folder, 'state.db'),
    log: silentLog,
    pageThreshold: 20,
    shared: true,
  })
  expect(shared).toBeDefined()
  const other = new Connection(join(folder, 'state.db'), { timeout: 5000 })
  const insert = other.prepare('INSERT INTO t VALUES (zeroblob(4000))')
  let longest = 0
  for (let round = 0; round < 40; round += 1) {
    for (let index = 0; index < 50; index += 1) insert.run()
    longest = Math.max(longest, pages().written)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  other.close()
  // 2,000 rows of more than a page each: the log would hold them all if nobody let it start over.
  expect(longest).toBeLessThan(1800)
  await expect.poll(() => pages().waiting, { timeout: 5000 }).toBeLessThan(20)
})

test('the log stays in bounds while writes go on and the worker has no turn to answer', async () => {
  commitRows(32)
  await checkpointer[Symbol.asyncDispose]()
  commitRows(2000)
  expect(pages().written).toBeLessThan(20 * 8 + 16 * 4)
})
