import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Log } from '@llama-stack/api'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../kernel/clock.ts'
import { silentLog } from '../kernel/log.ts'
import { openStorage, StorageConfig, storageBackends } from './open-storage.ts'
import type { ChatCompletionRepository, Storage } from './storage.ts'

const { DatabaseSync: Connection } = process.getBuiltinModule('node:sqlite')
const principal = { id: 'local' }

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'open-storage-'))
})
afterEach(() => rm(folder, { recursive: true }))

function open(path: string, log: Log = silentLog): Promise<Storage> {
  return openStorage({ backend: StorageConfig.parse({ type: 'sqlite', db_path: path }), clock: systemClock, log })
}

async function insertOne(storage: Storage, id: string): Promise<void> {
  const bytes = Buffer.from('{}')
  const reply = { format: 'json' as const, bytes }
  await storage.chatCompletions(principal).insert({ id, createdAtMs: Date.now(), model: 'm', request: bytes, reply })
}

async function missingFrom(repository: ChatCompletionRepository, ids: readonly string[]): Promise<string[]> {
  const missing: string[] = []
  for (const id of ids) if ((await repository.find(id)) === undefined) missing.push(id)
  return missing
}

/** Runs a script that may use `openStorage`, `systemClock` and `silentLog`; the prelude runs before they are imported. */
function startProcess(script: string, prelude = ''): ChildProcess {
  const load = (name: string, file: string): string =>
    `const { ${name} } = await import(${JSON.stringify(new URL(file, import.meta.url))})`
  const imports = [
    load('openStorage', './open-storage.ts'),
    load('systemClock', '../kernel/clock.ts'),
    load('silentLog', '../kernel/log.ts'),
  ]
  const flags = ['--conditions=llama-stack-source', '--disable-warning=ExperimentalWarning', '--input-type=module']
  const source = [prelude, ...imports, script].join('\n')
  return spawn(process.execPath, [...flags, '--eval', source], { stdio: ['ignore', 'pipe', 'inherit'] })
}

/** Opens the file, then stores rows for ever and prints each id once it is acknowledged. */
const writerScript = (path: string, prefix: string): string => `
  const storage = await openStorage({
    backend: { type: 'sqlite', db_path: ${JSON.stringify(path)}, busy_timeout_ms: 5000 }, clock: systemClock, log: silentLog,
  })
  const repository = storage.chatCompletions({ id: 'local' })
  const bytes = Buffer.alloc(3000, 'x')
  let count = 0
  const one = async () => {
    while (true) {
      const id = '${prefix}' + count++
      await repository.insert({ id, createdAtMs: Date.now(), model: 'm', request: bytes, reply: { format: 'sse', bytes: [bytes] } })
      process.stdout.write(id + '\\n')
    }
  }
  for (let index = 0; index < 8; index += 1) void one()
`

describe('a new store', () => {
  test('can be read by its owner only', async () => {
    const path = join(folder, 'deep', 'data', 'state.db')
    const storage = await open(path)
    await insertOne(storage, 'a')
    const modes = async (name: string) => ((await stat(name)).mode & 0o777).toString(8)
    expect(await modes(join(folder, 'deep'))).toBe('700')
    expect(await modes(join(folder, 'deep', 'data'))).toBe('700')
    expect(await modes(path)).toBe('600')
    expect(await modes(`${path}-wal`)).toBe('600')
    expect(await modes(`${path}-shm`)).toBe('600')
    await storage[Symbol.asyncDispose]()
    await expect(stat(`${path}-wal`)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('is described by its declaration', () => {
    expect(storageBackends.sqlite.facts).toEqual({ multiProcess: false, embedded: true, survivesPowerLoss: false })
    expect(StorageConfig.parse({ type: 'sqlite', db_path: 'x' }).busy_timeout_ms).toBe(5000)
    expect(StorageConfig.safeParse({ type: 'sqlite', db_path: 'x', db_pat: 'x' }).success).toBe(false)
    const undescribed = Object.entries(StorageConfig.shape).filter(([, schema]) => schema.description === undefined)
    expect(undescribed.map(([key]) => key)).toEqual(['type'])
  })
})

describe('a store of several processes', () => {
  const model = {
    modelId: 'm',
    providerId: 'p',
    providerModelId: 'm',
    type: 'llm' as const,
    metadata: {},
    createdAtMs: 0,
  }
  const openWorker = (maintains: boolean): Promise<Storage> => {
    const backend = StorageConfig.parse({ type: 'sqlite', db_path: join(folder, 'state.db') })
    return openStorage({ backend, clock: systemClock, log: silentLog, worker: { maintains } })
  }

  test('tells each of them when another has registered or removed a model, and of nothing else', async () => {
    await using one = await openWorker(true)
    await using two = await openWorker(false)
    const changes = async (act: () => Promise<unknown>): Promise<boolean> => {
      const before = two.modelRevision()
      await act()
      return two.modelRevision() !== before
    }
    expect(await changes(() => one.models(principal).insert(model))).toBe(true)
    expect(
      await changes(() =>
        one
          .models(principal)
          .insert(model)
          .catch(() => undefined),
      ),
    ).toBe(false)
    expect(await changes(() => one.models({ id: 'other' }).delete('m'))).toBe(false)
    expect(await changes(() => insertOne(one, 'a'))).toBe(false)
    expect(await changes(() => one.models(principal).delete('m'))).toBe(true)
    // The same row as before: a count of the rows or their highest number would not tell.
    expect(await changes(() => one.models(principal).insert(model))).toBe(true)
  })

  test('is cleaned up by the one that maintains it', async () => {
    const entry = { principal, requestId: 'r', startedAtMs: 0, operation: null, route: null, method: 'GET', path: '/' }
    const rest = { status: 200, errorCode: null, model: null, providerId: null, providerModel: null, streamed: false }
    const counts = {
      demo: false,
      cached: false,
      adjustments: [],
      inputTokens: null,
      outputTokens: null,
      totalTokens: null,
      firstByteMs: null,
    }
    const list = async (storage: Storage): Promise<number> =>
      (await storage.requestLog(principal).list({ limit: 10, order: 'asc' })).rows.length
    await using helping = await openWorker(false)
    helping.appendRequestLog({ ...entry, ...rest, ...counts, durationMs: 1, attempts: [], client: null })
    expect(await list(helping)).toBe(1)
    await using _other = await openWorker(false)
    expect(await list(helping)).toBe(1)
    await using _maintaining = await openWorker(true)
    await expect.poll(() => list(helping)).toBe(0)
  })
})

describe('a store that cannot be opened', () => {
  test('says which file and why', async () => {
    await writeFile(join(folder, 'plain'), 'text')
    await expect(open(join(folder, 'plain', 'state.db'))).rejects.toMatchObject({ code: 'storage_open_failed' })

    const noDatabase = join(folder, 'notes.txt')
    await writeFile(noDatabase, 'not a database '.repeat(1000))
    await expect(open(noDatabase)).rejects.toMatchObject({
      code: 'storage_open_failed',
      message: expect.stringContaining(noDatabase),
    })
  })

  test('is left as it was when it belongs to another program', async () => {
    const path = join(folder, 'other.db')
    const other = new Connection(path)
    other.exec('CREATE TABLE something (a)')
    other.close()
    const before = await readFile(path)
    await expect(open(path)).rejects.toThrow('tables of another program')
    expect(await readFile(path)).toEqual(before)
  })

  test.skipIf(process.getuid?.() === 0)(
    'says so in a read-only folder (skipped for root, whom no mode stops)',
    async () => {
      const locked = join(folder, 'locked')
      await mkdir(locked)
      await chmod(locked, 0o500)
      await expect(open(join(locked, 'state.db'))).rejects.toMatchObject({ code: 'storage_open_failed' })
    },
  )
})

test('kill -9 loses nothing that was acknowledged, and the next start needs no repair', async () => {
  const path = join(folder, 'state.db')
  const acknowledged: string[] = []
  for (const [round, rows] of [300, 1, 1200].entries()) {
    const child = startProcess(writerScript(path, `r${round}-`))
    const closed = once(child, 'close')
    let seen = 0
    for await (const line of createInterface({ input: child.stdout ?? process.stdin })) {
      acknowledged.push(line)
      seen += 1
      if (seen === rows) child.kill('SIGKILL')
    }
    await closed
    expect(child.signalCode).toBe('SIGKILL')
  }
  expect(acknowledged.length).toBeGreaterThanOrEqual(1501)

  const storage = await open(path)
  expect(await missingFrom(storage.chatCompletions(principal), acknowledged)).toEqual([])
  await storage[Symbol.asyncDispose]()

  const connection = new Connection(path)
  expect(connection.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }])
  connection.close()
})

test('several processes may create, migrate and write one file at the same time', async () => {
  const path = join(folder, 'state.db')
  const children = ['a', 'b', 'c'].map((prefix) => startProcess(writerScript(path, prefix)))
  const storage = await open(path)
  await insertOne(storage, 'mine')
  const printed = await Promise.all(
    children.map(async (child) => {
      const lines: string[] = []
      for await (const line of createInterface({ input: child.stdout ?? process.stdin })) {
        lines.push(line)
        if (lines.length === 100) child.kill('SIGKILL')
      }
      return lines
    }),
  )
  for (const lines of printed) expect(lines.length).toBeGreaterThanOrEqual(100)
  expect(await missingFrom(storage.chatCompletions(principal), ['mine', ...printed.flat()])).toEqual([])
  await storage[Symbol.asyncDispose]()
})

test('the driver is loaded by opening and the query builder by the first query', async () => {
  const hooks = `
    import { registerHooks } from 'node:module'
    let builders = 0
    registerHooks({
      resolve(specifier, context, next) {
        if (specifier === 'kysely') builders += 1
        return next(specifier, context)
      },
    })
  `
  const script = `
    const driver = () => process.moduleLoadList.includes('NativeModule sqlite')
    const imported = { driver: driver(), builders }
    const storage = await openStorage({
      backend: { type: 'sqlite', db_path: ${JSON.stringify(join(folder, 'state.db'))}, busy_timeout_ms: 1 },
      clock: systemClock, log: silentLog,
    })
    await storage.models({ id: 'local' }).list()
    const opened = { driver: driver(), builders }
    await storage.chatCompletions({ id: 'local' }).list({ limit: 1, order: 'asc' })
    process.stdout.write(JSON.stringify({ imported, opened, queried: { driver: driver(), builders } }))
    await storage[Symbol.asyncDispose]()
  `
  let output = ''
  for await (const chunk of startProcess(script, hooks).stdout ?? []) output += String(chunk)
  expect(JSON.parse(output)).toEqual({
    imported: { driver: false, builders: 0 },
    opened: { driver: true, builders: 0 },
    queried: { driver: true, builders: 1 },
  })
})
