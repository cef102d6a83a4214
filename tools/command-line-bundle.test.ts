import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildCommandLine } from './command-line-bundle.ts'
import { startOnce, temporaryFolder } from './first-start.ts'
import { shipCode } from './ship-code.ts'

const server = join(dirname(fileURLToPath(import.meta.url)), '../packages/server')

/** A third of them are those of a chat request. Each costs some ten microseconds, and its code as much again. */
const MAX_SCHEMAS = 800

describe('the bundle of the command line', () => {
  let built = ''
  const folder = temporaryFolder()

  beforeAll(async () => {
    built = join(folder.path, 'cli')
    const common = { bundle: true, platform: 'node', target: 'node24', logLevel: 'warning' } as const
    await buildCommandLine(common, server, built)
    writeFileSync(join(built, 'package.json'), '{ "type": "commonjs" }')
  }, 60_000)
  afterAll(() => folder[Symbol.dispose]())

  test('needs main.js and parts.js for a start with a configuration and a chat request, and few schemas', async () => {
    using start = temporaryFolder()
    for (const script of ['main.js', 'parts.js', 'package.json']) cpSync(join(built, script), join(start.path, script))
    // zod's own hook for whoever wants to see each schema.
    const counter = join(start.path, 'counter.js')
    writeFileSync(
      counter,
      `let count = 0
      globalThis.__zod_globalConfig = { postProcessor: () => { count += 1 } }
      process.on('exit', () => require('node:fs').writeFileSync(${JSON.stringify(`${counter}.txt`)}, String(count)))`,
    )
    const main = join(start.path, 'main.js')
    const env = { NODE_DISABLE_COMPILE_CACHE: '1' }
    const reply = await startOnce({ main, home: start.path, nodeOptions: ['--require', counter], env })
    expect(reply).toEqual({ status: 200, body: expect.stringContaining('Hello.'), complaints: '' })
    const schemas = Number(readFileSync(`${counter}.txt`, 'utf8'))
    expect(schemas).toBeGreaterThan(100)
    expect(schemas).toBeLessThan(MAX_SCHEMAS)
  }, 60_000)

  test('ships the code of a start: a new home takes it, and keeps its own where it is missing', async () => {
    await shipCode(built)
    const shipped = join(built, 'code', `${process.version}-${process.arch}`, 'run')
    expect(readdirSync(shipped)).toContain('parts.js.code')
    const main = join(built, 'main.js')
    using first = temporaryFolder()
    expect(await startOnce({ main, home: first.path })).toMatchObject({ status: 200 })
    // What was accepted is not kept once more.
    expect(existsSync(join(first.path, '.llama-stack/cache/run/parts.js.code'))).toBe(false)
    rmSync(shipped, { recursive: true })
    using second = temporaryFolder()
    expect(await startOnce({ main, home: second.path })).toMatchObject({ status: 200 })
    expect(existsSync(join(second.path, '.llama-stack/cache/run/parts.js.code'))).toBe(true)
  }, 60_000)

  test('takes the code that a server kept which ran for a while', async () => {
    using home = temporaryFolder()
    const main = join(built, 'main.js')
    rmSync(join(built, 'code'), { recursive: true, force: true })
    // Long enough for all that a server tells V8 once it serves.
    expect(await startOnce({ main, home: home.path, lastsMs: 500 })).toMatchObject({ status: 200 })
    const kept = join(home.path, '.llama-stack/cache/run/parts.js.code')
    const { ino } = statSync(kept)
    expect(await startOnce({ main, home: home.path, lastsMs: 500 })).toMatchObject({ status: 200 })
    // What was refused would have been written anew, as a file of its own.
    expect(statSync(kept).ino).toBe(ino)
  }, 60_000)
})
