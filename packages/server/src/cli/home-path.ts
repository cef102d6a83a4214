/** Paths as people write them: `~` for the home directory. */
import { join, resolve, sep } from 'node:path'

/** The data folder where nothing else is said. */
export function defaultDataDir(home: string): string {
  return join(home, '.llama-stack', 'data')
}

/** An absolute path from one that is relative to the working directory or begins with `~`. */
export function fromHomePath(path: string, { home, cwd }: { home: string; cwd: string }): string {
  return path === '~' || path.startsWith('~/') ? join(home, path.slice(1)) : resolve(cwd, path)
}

/** A path for people: the home directory as `~`. */
export function toHomePath(path: string, home: string): string {
  return path === home || path.startsWith(home.endsWith(sep) ? home : home + sep) ? `~${path.slice(home.length)}` : path
}
