import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createScriptLoader } from './script-loader.ts'

let folder = ''
let codeDirectory = ''
let codeFile = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'llama-scripts-'))
  codeDirectory = join(folder, 'cache', 'run')
  codeFile = join(codeDirectory, 'a.js.code')
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A process that can be ended without ending the tests. */
function createRun(directory: string | undefined = codeDirectory, shippedDirectory?: string) {
  const atExit: (() => void)[] = []
  const process = {
    pid: 7,
    getuid: () => globalThis.process.getuid?.() ?? 0,
    on: (_event: string, listener: () => void) => atExit.push(listener),
  }
  const load = createScriptLoader({
    directory: folder,
    codeDirectory: directory,
    shippedDirectory,
    require: (id) => `required ${id}`,
    // Only what the loader uses of a process.
    process: process as never,
  })
  return { load, exit: () => atExit.forEach((listener) => listener()), keeps: () => atExit.length > 0 }
}

const writeScript = (name: string, body: string, mark = body): void =>
  writeFileSync(
    join(folder, name),
    `// ${mark}\n(function (exports, require, module, __filename, __dirname) {${body}\n})`,
  )

describe('createScriptLoader', () => {
  it('runs a script once and gives it what a CommonJS module has', () => {
    writeScript('a.js', 'module.exports = { filename: __filename, directory: __dirname, other: require("node:os") }')
    const { load } = createRun()
    expect(load('./a.js')).toEqual({ filename: join(folder, 'a.js'), directory: folder, other: 'required node:os' })
    expect(load('./a.js')).toBe(load('./a.js'))
  })

  it('loads scripts from scripts', () => {
    writeScript('a.js', 'exports.b = require("./b.js").name')
    writeScript('b.js', 'exports.name = "b"')
    expect(createRun().load('./a.js')).toEqual({ b: 'b' })
  })

  it('keeps the code at the end of the first run and reads it in the second', () => {
    writeScript('a.js', 'module.exports = () => 42')
    const first = createRun()
    first.load('./a.js')
    expect(existsSync(codeFile)).toBe(false)
    first.exit()
    expect(statSync(codeFile).mode & 0o777).toBe(0o600)
    const second = createRun()
    expect((second.load('./a.js') as () => number)()).toBe(42)
    expect(second.keeps()).toBe(false)
  })

  it('takes the code that came with the scripts where none was kept, and keeps none then', () => {
    writeScript('a.js', 'module.exports = () => 43')
    const first = createRun()
    first.load('./a.js')
    first.exit()
    const shipped = createRun(join(folder, 'empty'), codeDirectory)
    expect((shipped.load('./a.js') as () => number)()).toBe(43)
    expect(shipped.keeps()).toBe(false)
    writeScript('a.js', 'module.exports = () => 44', 'another')
    const other = createRun(join(folder, 'empty'), codeDirectory)
    expect((other.load('./a.js') as () => number)()).toBe(44)
    expect(other.keeps()).toBe(true)
  })

  it('does not take the code of another script of the same length', () => {
    writeScript('a.js', 'module.exports = 1', 'x')
    const first = createRun()
    first.load('./a.js')
    first.exit()
    writeScript('a.js', 'module.exports = 2', 'y')
    const second = createRun()
    expect(second.load('./a.js')).toBe(2)
    second.exit()
    expect(createRun().load('./a.js')).toBe(2)
  })

  it('compiles where the kept code is damaged, and replaces it', () => {
    // A text that V8 has not compiled in this process: it would not look at the kept code then.
    writeScript('a.js', 'module.exports = 6 * 7', 'mark')
    mkdirSync(codeDirectory, { recursive: true })
    writeFileSync(codeFile, 'no code// mark', { mode: 0o600 })
    const run = createRun()
    expect(run.load('./a.js')).toBe(42)
    run.exit()
    expect(readFileSync(codeFile, 'latin1')).not.toContain('no code')
  })

  it('does not read code that others could have written', () => {
    writeScript('a.js', 'module.exports = 1')
    const first = createRun()
    first.load('./a.js')
    first.exit()
    chmodSync(codeFile, 0o666)
    const second = createRun()
    second.load('./a.js')
    expect(second.keeps()).toBe(true)
  })

  it('works without a folder, and where the folder cannot be made', () => {
    writeScript('a.js', 'module.exports = 1')
    const none = createScriptLoader({ directory: folder, codeDirectory: undefined, require: () => 0, process })
    expect(none('./a.js')).toBe(1)
    const run = createRun(join(folder, 'a.js', 'below-a-file'))
    expect(run.load('./a.js')).toBe(1)
    expect(() => run.exit()).not.toThrow()
  })
})
