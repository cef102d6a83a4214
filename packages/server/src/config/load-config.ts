/** Loading: from a name or a path to the configuration of a stack. */
import { join } from 'node:path'
import { bug } from '@llama-stack/api'
import { findNearest } from '../kernel/nearest.ts'
import { parseConfigDocument } from './config-document.ts'
import type { ConfigDocument } from './config-document.ts'
import { throwFaults } from './config-faults.ts'
import type { FoundFault } from './config-faults.ts'
import type { ConfigFiles } from './config-files.ts'
import { machineFiles } from './config-files.ts'
import { ConfigFindings } from './config-findings.ts'
import { formatPath } from './config-path.ts'
import { detectFormat } from './detect-dialect.ts'
import { fromBuildRecipe } from './dialects/build-recipe.ts'
import type { ServedTypes } from './dialects/dialect-input.ts'
import { isConfigMap, substituteTree } from './env-tree.ts'
import type { MissingVariable } from './env-tree.ts'
import { configHomes, DEFAULT_DISTRIBUTION, findConfig } from './find-config.ts'
import type { FoundConfig } from './find-config.ts'
import { settleServer } from './settle-server.ts'
import { StackConfig } from './stack-config.ts'
import type { StackConfigInput } from './stack-config.ts'
import { parseOnce } from '../kernel/parse-once.ts'

/** What the command line decides, over environment and file. */
export interface ConfigOverrides {
  readonly port?: number
  readonly host?: string
  readonly workers?: number
  /** Where data is kept. */
  readonly dataDir?: string
  /** Variables set for this run only: `--env NAME=VALUE`. */
  readonly env?: Readonly<Record<string, string>>
}

/** What loading depends on. */
export interface LoadConfigInput {
  /** A path, the name of a distribution or `distribution::file.yaml`. Undefined: see {@link findConfig}. */
  readonly source: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly home: string
  /** What the build can start, by API. */
  readonly servedTypes: ServedTypes
  /** The directory of the shipped distributions: see `findDistributionsDir`. */
  readonly distributionsDir: string
  /** Default: the file system of this machine. */
  readonly files?: ConfigFiles
  readonly overrides?: ConfigOverrides
}

/** A configuration and the file that it was read from, with which faults found later can be placed. */
export interface LoadedConfig {
  readonly config: StackConfig
  /** The same without the defaults: what has only them need not be checked again by whoever fills them in again. */
  readonly written: StackConfigInput
  readonly document: ConfigDocument
  /** Absolute. */
  readonly path: string
}

/** Loads a configuration. Rejects with `config_not_found`, `config_env` or `config_invalid`. */
export async function loadConfig(input: LoadConfigInput): Promise<StackConfig> {
  return (await readConfig(input)).config
}

/** Loads a configuration and keeps the document. */
export async function readConfig(input: LoadConfigInput): Promise<LoadedConfig> {
  const env = { ...input.env, ...input.overrides?.env }
  const world = { ...input, env, files: input.files ?? machineFiles }
  const found = await findConfig(input.source, world)
  const document = await toRunnable(parseConfigDocument(found.shownAs, found.text), found, world)
  const value = isConfigMap(document.value) ? document.value : bug('a runnable document is a map')
  const dialect = detectFormat(value) === 'llama-stack' ? 'llama-stack' : 'ogx'
  const tree = substituteTree(value, world, { dropsEmptyIds: dialect === 'ogx' })
  throwFaults(tree.missing.map((missing) => toFault(missing, document, env)))
  const findings = new ConfigFindings(document, tree)
  const read = await findReader(dialect)
  const config = read({
    document,
    tree,
    findings,
    servedTypes: input.servedTypes,
    env,
    home: input.home,
    cwd: input.cwd,
    configHomes: configHomes(world),
    ...(input.overrides?.dataDir === undefined ? {} : { dataDir: input.overrides.dataDir }),
  })
  findings.throwFaults()
  if (config === undefined) return bug('a dialect that yields nothing reports why')
  const server = settleServer(config.server, input.overrides ?? {}, env)
  const notes = findings.notes.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0))
  const written = { ...config, server, notes }
  return { config: StackConfig.parse(written, parseOnce), written, document, path: found.path }
}

/** Loaded late: a start needs one of the two. */
async function findReader(dialect: 'llama-stack' | 'ogx') {
  if (dialect === 'llama-stack') return (await import('./dialects/llama-stack.ts')).fromLlamaStack
  return (await import('./dialects/ogx.ts')).fromOgx
}

type LoadWorld = LoadConfigInput & { readonly files: ConfigFiles }

/** A recipe becomes a configuration; what is no configuration at all is refused. */
async function toRunnable(document: ConfigDocument, found: FoundConfig, world: LoadWorld): Promise<ConfigDocument> {
  if (!isConfigMap(document.value)) {
    throwFaults([
      document.fault([], {
        problem: 'The file holds no configuration.',
        fix: 'Start from a shipped one: llama stack run starter.',
      }),
    ])
    return bug('the fault was thrown')
  }
  const format = detectFormat(document.value)
  if (format === 'prehistoric') {
    throwFaults([
      document.fault([], {
        problem: 'The file has the format that came before version 2.',
        fix: 'Rewrite it with a providers block; llama stack run starter shows the form.',
      }),
    ])
  }
  if (format !== 'recipe') return document
  const path = join(world.distributionsDir, `${DEFAULT_DISTRIBUTION}.yaml`)
  const starter = (await world.files.readText(path)) ?? bug(`the shipped distribution ${path} is missing`)
  return fromBuildRecipe(document, found.path, parseConfigDocument(path, starter))
}

function toFault(
  { path, expression }: MissingVariable,
  document: ConfigDocument,
  env: Readonly<Record<string, string | undefined>>,
): FoundFault {
  const { variable, text } = expression
  const set = Object.keys(env).filter((name) => (env[name] ?? '') !== '')
  const nearest = findNearest(variable, set)
  const hint = nearest === undefined ? '' : ` (${nearest} is set; did you mean that?)`
  return {
    ...document.fault(path, {
      problem: `${variable} is not set, and ${document.file} needs it for ${formatPath(path)}.`,
      fix: `export ${variable}=… or make it optional: \${env.${variable}:=}${hint}`,
      target: { text },
    }),
    variable,
  }
}
