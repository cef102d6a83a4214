import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JsonObject } from '@llama-stack/api'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../kernel/clock.ts'
import { createLog } from '../../kernel/log.ts'
import { createServerLock } from './server-lock.ts'
import type { ServerLock } from './server-lock.ts'

let folder: string
let path: string
let logged: JsonObject[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'server-lock-'))
  path = join(folder, 'state.db')
  logged = []
})
afterEach(() => rm(folder, { recursive: true }))

function lock(pid: number): ServerLock {
  // What the log writes is JSON of its own making.
  const write = (line: string): unknown => logged.push(JSON.parse(line) as JsonObject)
  const log = createLog({ level: 'debug', format: 'json', clock: systemClock, write })
  return createServerLock({ path, holder: { pid, startedAtMs: systemClock.now() }, log })
}

test('the second of two is warned with the first’s process, and with what to do', () => {
  using _first = lock(11)
  expect(logged).toEqual([])
  using _second = lock(22)
  expect(logged).toMatchObject([{ level: 'warn', path, pid: 11, message: expect.stringContaining('--data') }])
  expect(logged[0]?.['since']).toMatch(/^20\d\d-\d\d-\d\dT/)
})

test('the end of the second is no end of the first', () => {
  using _first = lock(11)
  lock(22)[Symbol.dispose]()
  using _third = lock(33)
  expect(logged.map(({ pid }) => pid)).toEqual([11, 11])
})

test('a lock is free again when its holder has ended', () => {
  const first = lock(11)
  expect(first.predecessor).toBeUndefined()
  expect(lock(22).predecessor).toBeUndefined()
  first[Symbol.dispose]()
  logged = []
  using second = lock(33)
  expect(second.predecessor).toMatchObject({ pid: 11 })
  expect(logged).toEqual([])
})

test('a killed process leaves no lock behind', async () => {
  const script = `
    const { createServerLock } = await import(${JSON.stringify(new URL('./server-lock.ts', import.meta.url))})
    const { silentLog } = await import(${JSON.stringify(new URL('../../kernel/log.ts', import.meta.url))})
    globalThis.lock = createServerLock({ path: ${JSON.stringify(path)}, holder: { pid: process.pid, startedAtMs: 7 }, log: silentLog })
    process.stdout.write('held')
    setInterval(() => undefined, 1000)
  `
  const flags = ['--conditions=llama-stack-source', '--disable-warning=ExperimentalWarning', '--input-type=module']
  const child = spawn(process.execPath, [...flags, '--eval', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  lock(22)[Symbol.dispose]()
  expect(logged).toMatchObject([{ level: 'warn', pid: child.pid }])
  child.kill('SIGKILL')
  await once(child, 'exit')
  using free = lock(33)
  expect(logged).toHaveLength(1)
  expect(free.predecessor).toEqual({ pid: child.pid, startedAtMs: 7 })
})

test('its file is its owner’s, and one that cannot be a lock stops nobody', async () => {
  lock(11)[Symbol.dispose]()
  expect(((await stat(`${path}.lock`)).mode & 0o777).toString(8)).toBe('600')
  await writeFile(`${path}.lock`, 'something else '.repeat(1000))
  using _lock = lock(22)
  expect(logged).toMatchObject([{ level: 'debug' }])
})
