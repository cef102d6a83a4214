/** The reading side of the file system, as far as finding a configuration needs it. */
import { readdirSync, readFileSync } from 'node:fs'

/** Passed in, so that a test or an embedding program can answer from memory. */
export interface ConfigFiles {
  /** The text, or undefined when there is no such file. */
  readText(path: string): Promise<string | undefined>
  /** The names in a directory; none when there is no such directory. */
  list(directory: string): Promise<readonly string[]>
}

/**
 * The file system of this machine. It reads at once: these are a few small files before anything is served, and
 * `node:fs/promises` takes longer to load than they to read.
 */
export const machineFiles: ConfigFiles = Object.freeze({
  readText: (path: string) => orAbsent(() => readFileSync(path, 'utf8'), undefined),
  list: (directory: string) => orAbsent<readonly string[]>(() => readdirSync(directory), []),
})

const ABSENT: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR', 'EISDIR'])

async function orAbsent<Value>(read: () => Value, absent: Value): Promise<Value> {
  try {
    return read()
  } catch (error) {
    if (error instanceof Error && 'code' in error && ABSENT.has(error.code)) return absent
    throw error
  }
}
