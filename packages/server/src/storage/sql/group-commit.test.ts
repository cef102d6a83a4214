import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../kernel/clock.ts'
import { createGroupCommit, type GroupCommit } from './group-commit.ts'

const { DatabaseSync: Connection } = process.getBuiltinModule('node:sqlite')

let folder: string
let connection: DatabaseSync
let commits: number
let writer: GroupCommit

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'group-commit-'))
  connection = new Connection(join(folder, 'state.db'))
  connection.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (value INTEGER UNIQUE CHECK (value < 1000))')
  commits = 0
  writer = createGroupCommit({ connection, clock: systemClock, busyTimeoutMs: 300, onCommit: () => (commits += 1) })
})
afterEach(async () => {
  await writer[Symbol.asyncDispose]()
  connection.close()
  await rm(folder, { recursive: true })
})

const insert = (value: number) => (): number => {
  connection.prepare('INSERT INTO t VALUES (?)').run(value)
  return value
}
const stored = (): unknown[] =>
  connection
    .prepare('SELECT value FROM t ORDER BY value')
    .all()
    .map((row) => row['value'])

describe('a group', () => {
  test('is one commit, and each caller has its own result after it', async () => {
    const other = new Connection(join(folder, 'state.db'))
    const results = await Promise.all([1, 2, 3].map((value) => writer.write(insert(value))))
    expect(results).toEqual([1, 2, 3])
    expect(commits).toBe(1)
    // Another connection sees committed rows only.
    expect(other.prepare('SELECT count(*) AS n FROM t').get()?.['n']).toBe(3)
    other.close()
  })

  test('takes in what comes turn after turn, and does not wait for ever', async () => {
    const written: Promise<number>[] = []
    const writeSoon = async (count: number): Promise<void> => {
      for (let value = 0; value < count; value += 1) {
        written.push(writer.write(insert(written.length)))
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    await writeSoon(5)
    await Promise.all(written)
    expect(commits).toBeLessThan(5)
    const before = commits
    const deadline = Date.now() + 80
    while (Date.now() < deadline && written.length < 900) await writeSoon(1)
    await Promise.all(written)
    expect(commits - before).toBeGreaterThan(1)
  })

  test('loses only the job that fails', async () => {
    const halfDone = (): void => {
      insert(50)()
      insert(5000)()
    }
    const outcomes = await Promise.allSettled([
      writer.write(insert(1)),
      writer.write(halfDone),
      writer.write(insert(1)),
      writer.write(insert(2)),
    ])
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
    expect(outcomes[1]).toMatchObject({ reason: { code: 'storage_failed' } })
    expect(stored()).toEqual([1, 2])
  })

  test('passes on an error that is not of the database', async () => {
    const mistake = new TypeError('mistake')
    const broken = writer.write(() => {
      throw mistake
    })
    await expect(broken).rejects.toBe(mistake)
    await expect(writer.write(insert(1))).resolves.toBe(1)
  })

  test('keeps exactly the rows it acknowledged, whatever fails', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 1100 }), { maxLength: 600 }), async (values) => {
        connection.exec('DELETE FROM t')
        const outcomes = await Promise.allSettled(values.map((value) => writer.write(insert(value))))
        const acknowledged = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
        expect(stored()).toEqual(acknowledged.toSorted((a, b) => a - b))
        expect(new Set(acknowledged)).toEqual(new Set(values.filter((value) => value < 1000)))
      }),
      { numRuns: 20 },
    )
  })
})

describe('while another connection holds the lock', () => {
  test('writes wait without stopping the event loop, and go through afterwards', async () => {
    const other = new Connection(join(folder, 'state.db'))
    other.exec('BEGIN IMMEDIATE')
    const written = Promise.all([writer.write(insert(1)), writer.write(insert(2))])
    let turns = 0
    const counter = setInterval(() => (turns += 1), 5)
    await new Promise((resolve) => setTimeout(resolve, 100))
    clearInterval(counter)
    expect(turns).toBeGreaterThan(5)
    expect(commits).toBe(0)
    other.exec('ROLLBACK')
    other.close()
    await written
    expect(stored()).toEqual([1, 2])
  })

  test('writes are refused when it takes too long', async () => {
    const other = new Connection(join(folder, 'state.db'))
    other.exec('BEGIN IMMEDIATE')
    await expect(writer.write(insert(1))).rejects.toMatchObject({ code: 'storage_failed', retryable: true })
    other.exec('ROLLBACK')
    other.close()
    await expect(writer.write(insert(2))).resolves.toBe(2)
    expect(stored()).toEqual([2])
  })

  test('no more than 10,000 writes wait', async () => {
    const writes = Array.from({ length: 10_001 }, () => writer.write(() => undefined))
    await expect(writes[10_000]).rejects.toMatchObject({ code: 'storage_failed' })
    await Promise.all(writes.slice(0, 10_000))
  })
})

test('closing commits what waits and refuses what comes later', async () => {
  const early = writer.write(insert(1))
  const closing = writer[Symbol.asyncDispose]()
  await expect(writer.write(insert(2))).rejects.toMatchObject({ code: 'server_shutting_down' })
  await closing
  await expect(early).resolves.toBe(1)
  expect(stored()).toEqual([1])
})
