import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../kernel/clock.ts'
import { migrate, refuseForeignFile } from './migrate.ts'
import { migrations } from './migrations/all.ts'

const { DatabaseSync: Connection } = process.getBuiltinModule('node:sqlite')

let folder: string
let path: string
let connection: DatabaseSync

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'migrate-'))
  path = join(folder, 'state.db')
  connection = new Connection(path)
})
afterEach(async () => {
  connection.close()
  await rm(folder, { recursive: true })
})

const migrateTo = (version: number): void =>
  migrate({ connection, path, clock: systemClock, migrations: migrations.slice(0, version) })

const versions = (): unknown[] =>
  connection
    .prepare('SELECT version FROM schema_version ORDER BY version')
    .all()
    .map((row) => row['version'])

const tables = (): unknown[] =>
  connection
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'schema_version' ORDER BY name")
    .all()
    .map((row) => row['name'])

const first = ['chat_completion_ids', 'chat_completion_recent_ids', 'chat_completions']

describe('the list of migrations', () => {
  test('is numbered without gaps', () => {
    expect(migrations.map((migration) => migration.version)).toEqual(migrations.map((_, index) => index + 1))
  })

  test('upgrades from version 1 step by step and keeps the rows', () => {
    migrateTo(1)
    expect(tables()).toEqual(first)
    connection.exec(
      "INSERT INTO chat_completions (owner, id, deleted, created_at_ms, model, reply_format, request, reply) VALUES ('o', 'old', 0, 1, 'm', 'json', x'00', x'01')",
    )
    migrateTo(2)
    expect(tables()).toEqual([...first, 'models'])
    migrateTo(3)
    expect(tables()).toEqual([...first, 'models', 'request_log'])
    migrateTo(4)
    expect(tables()).toEqual([...first, 'models', 'request_log', 'response_cache'])
    migrateTo(6)
    expect(tables()).toEqual([...first, 'model_probes', 'model_revision', 'models', 'request_log', 'response_cache'])
    migrateTo(migrations.length)
    expect(versions()).toEqual(migrations.map((migration) => migration.version))
    expect(connection.prepare('SELECT id, reply FROM chat_completions').all()).toMatchObject([{ id: 'old' }])
  })

  test('does nothing the second time', () => {
    migrateTo(migrations.length)
    const before = connection.prepare('SELECT * FROM schema_version').all()
    migrateTo(migrations.length)
    expect(connection.prepare('SELECT * FROM schema_version').all()).toEqual(before)
  })
})

test('a step that fails leaves nothing behind', () => {
  const broken = { version: 2, name: 'broken', statements: () => ['CREATE TABLE half (a)', 'CREATE TABLE half (a)'] }
  const all = [...migrations.slice(0, 1), broken]
  expect(() => migrate({ connection, path, clock: systemClock, migrations: all })).toThrow('half')
  expect(versions()).toEqual([1])
  expect(tables()).toEqual(first)
  migrateTo(2)
  expect(versions()).toEqual([1, 2])
})

test('a newer schema is refused with both versions and the file', () => {
  migrateTo(migrations.length)
  connection.exec("INSERT INTO schema_version VALUES (99, 'from the future', 0)")
  expect(() => migrateTo(migrations.length)).toThrow(
    expect.objectContaining({
      code: 'storage_schema_newer',
      message: expect.stringContaining(`'${path}' has schema 99`),
    }),
  )
})

test('a file of another program is refused', () => {
  connection.exec('CREATE TABLE chat_completions (id TEXT)')
  expect(() => refuseForeignFile(connection, path)).toThrow(expect.objectContaining({ code: 'storage_open_failed' }))
})
