/**
 * Runs bundled scripts with the code that V8 made of them in an earlier run.
 *
 * Node's own compile cache keeps what was compiled when a file was loaded, before any of its functions had run: each
 * start then compiles again whatever it calls. Code that is taken after a start holds those functions too
 * (docs/decisions/0004-cold-start.md has the measurements).
 */
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { constants, Script } from 'node:vm'

/** Where scripts and their code are, and what they may load. */
export interface ScriptLoaderOptions {
  /** The folder of the scripts. */
  readonly directory: string
  /** The folder for the code of this command; undefined: none is read or kept. */
  readonly codeDirectory: string | undefined
  /** The folder of the code that came with the scripts, for this command and this Node; undefined: none is read. */
  readonly shippedDirectory?: string | undefined
  /** For everything that is not one of the scripts. */
  readonly require: (id: string) => unknown
  readonly process: Pick<NodeJS.Process, 'on' | 'pid' | 'getuid'>
  /** Makes or takes code with the flags of V8 that the next start has; undefined: they do not change. */
  readonly asAtStart?: (<T>(run: () => T) => T) | undefined
}

/** A start is over by then, and V8 has not yet dropped code that only a start needs. */
const KEEP_AFTER_MS = 10_000

/**
 * Creates a `require` for scripts that are one function of {@link ModuleFunction}'s parameters, behind a line with a comment
 * that names their content: V8 itself tells scripts apart by their length only. The function is in the file because a
 * text that is put together here would be another 750 KB to collect in the middle of a start.
 */
export function createScriptLoader(options: ScriptLoaderOptions): (id: string) => unknown {
  const loaded = new Map<string, { exports: unknown }>()
  const load = (id: string): unknown => {
    if (!id.startsWith('./')) return options.require(id)
    const known = loaded.get(id)
    if (known !== undefined) return known.exports
    const module = { exports: {} as unknown }
    loaded.set(id, module)
    const filename = join(options.directory, id)
    const run = compile(filename, options)
    run(module.exports, load, module, filename, options.directory)
    return module.exports
  }
  return load
}

/** CommonJS's: exports, require, module, filename, directory. */
type ModuleFunction = (...given: readonly [unknown, (id: string) => unknown, object, string, string]) => void

function compile(filename: string, options: ScriptLoaderOptions): ModuleFunction {
  const { process, asAtStart = (run) => run() } = options
  // The bundler writes ASCII; read as such, V8 keeps one byte per character.
  const source = readFileSync(filename, 'latin1')
  const name = source.slice(0, source.indexOf('\n'))
  const path = toCodePath(options.codeDirectory, filename)
  const shipped = toCodePath(options.shippedDirectory, filename)
  // Whoever can write what was shipped can write the script as well, so that its owner does not matter.
  const code =
    (path === undefined ? undefined : readCode(path, name, process.getuid?.())) ??
    (shipped === undefined ? undefined : readCode(shipped, name, undefined))
  const script = asAtStart(
    () =>
      new Script(source, {
        filename,
        importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
        ...(code === undefined ? {} : { cachedData: code }),
      }),
  )
  if (path !== undefined && (code === undefined || script.cachedDataRejected === true)) {
    keepLater(() => {
      const made = asAtStart(() => script.createCachedData())
      writeCode(path, Buffer.concat([made, Buffer.from(name)]), process.pid)
    }, process)
  }
  // What the build writes (tools/command-line-bundle.ts).
  return script.runInThisContext() as ModuleFunction
}

function toCodePath(folder: string | undefined, filename: string): string | undefined {
  return folder === undefined ? undefined : join(folder, `${filename.slice(dirname(filename).length + 1)}.code`)
}

/** The code behind a file's content, where it was made of this very script, by this user where one is given. */
function readCode(path: string, name: string, uid: number | undefined): Buffer | undefined {
  let file: number | undefined
  try {
    file = openSync(path, 'r')
    const { uid: owner, mode } = fstatSync(file)
    // It is run as it is: what somebody else could have written is not read.
    if (uid !== undefined && (owner !== uid || (mode & 0o022) !== 0)) return undefined
    const content = readFileSync(file)
    const end = content.length - name.length
    return content.toString('latin1', end) === name ? content.subarray(0, end) : undefined
  } catch {
    // The first run of this script, or no file that can be read: it is compiled.
    return undefined
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

function keepLater(keep: () => void, process: ScriptLoaderOptions['process']): void {
  let kept = false
  const once = (): void => {
    if (kept) return
    kept = true
    keep()
  }
  setTimeout(once, KEEP_AFTER_MS).unref()
  process.on('exit', once)
}

function writeCode(path: string, content: Buffer, pid: number): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    const half = `${path}.${pid}`
    writeFileSync(half, content, { mode: 0o600 })
    renameSync(half, path)
  } catch {
    // A home that cannot be written to: the next start compiles again.
  }
}
