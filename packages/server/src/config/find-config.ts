/** From what the operator typed to a configuration file, in upstream's order. */
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path'
import { StackError } from '@llama-stack/api'
import { findNearest } from '../kernel/nearest.ts'
import type { ConfigFiles } from './config-files.ts'
import { expandHome } from './env-grammar.ts'

/** Where to look. */
export interface ConfigPlaces {
  readonly cwd: string
  readonly home: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly files: ConfigFiles
  /** The distributions that are shipped: one YAML file each. */
  readonly distributionsDir: string
}

/** A configuration file that exists. */
export interface FoundConfig {
  readonly path: string
  readonly text: string
  /** As it is shown to people: relative where that is shorter. */
  readonly shownAs: string
}

/** What starts when nothing is named. */
export const DEFAULT_DISTRIBUTION = 'starter'

/** The directories of both generations, which hold their distributions and their data. */
export function configHomes({ env, home }: Pick<ConfigPlaces, 'env' | 'home'>): { llamaStack: string; ogx: string } {
  const place = (variable: string, fallback: string): string => {
    const value = env[variable] ?? ''
    return value === '' ? join(home, fallback) : expandHome(value, home)
  }
  return { llamaStack: place('LLAMA_STACK_CONFIG_DIR', '.llama'), ogx: place('OGX_CONFIG_DIR', '.ogx') }
}

/**
 * Finds a configuration: an existing path, then a shipped distribution, then `distribution::file.yaml`, then one that was
 * built earlier under the directories of either generation. Nothing named: LLAMA_STACK_CONFIG, OGX_CONFIG, `starter`.
 */
export async function findConfig(source: string | undefined, places: ConfigPlaces): Promise<FoundConfig> {
  const { env } = places
  const name = [source, env['LLAMA_STACK_CONFIG'], env['OGX_CONFIG']].find((text) => text !== undefined && text !== '')
  const wanted = name ?? DEFAULT_DISTRIBUTION
  for (const path of candidatePaths(wanted, places)) {
    const text = await places.files.readText(path)
    if (text !== undefined) return { path, text, shownAs: showPath(path, places.cwd) }
  }
  throw new StackError('config_not_found', { name: wanted, nearest: await suggest(wanted, places) })
}

/** The names of the shipped distributions. */
export async function listDistributions({
  files,
  distributionsDir,
}: Pick<ConfigPlaces, 'files' | 'distributionsDir'>): Promise<readonly string[]> {
  const names = await files.list(distributionsDir)
  return names
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => basename(name, '.yaml'))
    .toSorted()
}

/** Finds the shipped distributions from a directory of this package: in the package itself or in its repository. */
export async function findDistributionsDir(start: string, files: ConfigFiles): Promise<string | undefined> {
  for (let directory = start; ; directory = dirname(directory)) {
    const candidate = join(directory, 'distributions')
    if ((await files.list(candidate)).includes(`${DEFAULT_DISTRIBUTION}.yaml`)) return candidate
    if (dirname(directory) === directory) return undefined
  }
}

const NAME = /^[\w][\w.-]*$/

function candidatePaths(wanted: string, places: ConfigPlaces): readonly string[] {
  const path = resolve(places.cwd, expandHome(wanted, places.home))
  const inDirectory = ['config.yaml', 'run.yaml'].map((file) => join(path, file))
  const paths = isPath(wanted) || !NAME.test(wanted) ? [path, ...inDirectory] : [path]
  const [distribution = '', file, ...rest] = wanted.split('::')
  if (file !== undefined) {
    if (rest.length > 0 || !NAME.test(distribution) || !NAME.test(file)) return paths
    const packaged = join(places.distributionsDir, distribution, file)
    return [...paths, packaged, ...builtDirectories(distribution, places).map((directory) => join(directory, file))]
  }
  if (!NAME.test(wanted)) return paths
  const built = builtDirectories(wanted, places).flatMap((directory) =>
    [`${wanted}-run.yaml`, 'run.yaml', 'config.yaml', `${wanted}-config.yaml`].map((name) => join(directory, name)),
  )
  return [...paths, join(places.distributionsDir, `${wanted}.yaml`), ...built]
}

function builtDirectories(name: string, places: ConfigPlaces): readonly string[] {
  const { llamaStack, ogx } = configHomes(places)
  return [
    join(llamaStack, 'distributions', `llamastack-${name}`),
    join(llamaStack, 'distributions', name),
    join(ogx, 'distributions', `ogx-${name}`),
    join(ogx, 'distributions', name),
  ]
}

async function suggest(wanted: string, places: ConfigPlaces): Promise<string> {
  const shipped = await listDistributions(places)
  if (isPath(wanted)) return `There is no such file. Distributions: ${shipped.join(', ')}.`
  const { llamaStack, ogx } = configHomes(places)
  const built = await Promise.all([llamaStack, ogx].map((base) => places.files.list(join(base, 'distributions'))))
  const names = [...shipped, ...built.flat().map((name) => name.replace(/^(?:llamastack|ogx)-/, ''))]
  const nearest = findNearest(wanted, names)
  const list = `Distributions: ${[...new Set(names)].join(', ')}.`
  return nearest === undefined ? list : `Did you mean '${nearest}'? ${list}`
}

function isPath(wanted: string): boolean {
  return /[/\\]|^~|\.(?:ya?ml|json)$/.test(wanted) && !wanted.includes('::')
}

function showPath(path: string, cwd: string): string {
  const shown = relative(cwd, path)
  return shown.startsWith('..') || isAbsolute(shown) ? path : shown
}
