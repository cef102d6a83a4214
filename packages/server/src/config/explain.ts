/** What a configuration amounts to in this build: the content of `llama config check`. */
import type { ConfigNote, StackConfig } from './stack-config.ts'

/** Providers of one API that are served as asked for. */
export interface NativeProviders {
  readonly api: string
  readonly ids: readonly string[]
}

/** A configuration explained. Lists are in the order of the file. */
export interface ConfigExplanation {
  readonly name: string
  readonly dialect: StackConfig['dialect']
  /** As people call the dialect. */
  readonly dialectName: string
  readonly providers: {
    /** Entries in the file. */
    readonly listed: number
    /** Entries that the environment leaves on. */
    readonly enabled: number
    /** Entries that are served: as asked for, by a stand-in, or by the server itself. */
    readonly started: number
  }
  readonly native: readonly NativeProviders[]
  readonly substituted: readonly ConfigNote[]
  readonly unsupported: readonly ConfigNote[]
  readonly unknown: readonly ConfigNote[]
  /** What the environment turned off, and what turns it on. */
  readonly off: readonly ConfigNote[]
  readonly dataDir: string
  readonly database: string
}

const DIALECT_NAMES: Readonly<Record<StackConfig['dialect'], string>> = Object.freeze({
  'llama-stack': 'Llama Stack (run.yaml)',
  ogx: 'OGX (config.yaml)',
  native: 'program',
})

/** Sorts a configuration's notes and providers into what the operator wants to know. */
export function explainConfig(config: StackConfig): ConfigExplanation {
  const of = (severity: ConfigNote['severity']): readonly ConfigNote[] =>
    config.notes.filter((note) => note.severity === severity)
  const substituted = of('substituted')
  const replaced = new Set(substituted.flatMap(({ provider, path }) => (provider === undefined ? [] : [path])))
  const off = of('info')
  const offCount = off.filter(({ provider }) => provider !== undefined).length
  const skipped = [...of('unsupported'), ...of('unknown')].filter(({ provider }) => provider !== undefined).length
  const places = new Set(config.providers.map(({ path }) => path))
  const builtIn = [...replaced].filter((path) => !places.has(path)).length
  const started = config.providers.length + builtIn
  return {
    name: config.name,
    dialect: config.dialect,
    dialectName: DIALECT_NAMES[config.dialect],
    providers: { listed: started + offCount + skipped, enabled: started + skipped, started },
    native: groupByApi(config.providers.filter(({ path }) => path === undefined || !replaced.has(path))),
    substituted,
    unsupported: of('unsupported'),
    unknown: of('unknown'),
    off,
    dataDir: config.dataDir,
    database: config.storage.sql.path,
  }
}

function groupByApi(providers: StackConfig['providers']): readonly NativeProviders[] {
  const ids = new Map<string, string[]>()
  for (const { api, id } of providers) ids.set(api, [...(ids.get(api) ?? []), id])
  return Array.from(ids, ([api, list]) => ({ api, ids: list }))
}
