/** The `providers` block, which both dialects have: which entries start, and what is said about the others. */
import { z } from 'zod'
import { findNearest } from '../../kernel/nearest.ts'
import type { ConfigPath } from '../config-path.ts'
import { findEnvExpressions } from '../env-grammar.ts'
import { isConfigMap, variablesOf } from '../env-tree.ts'
import { anyMap, nameText, optional } from '../file-values.ts'
import type { ConfiguredProvider } from '../stack-config.ts'
import type { CatalogEntry } from '../upstream-catalog.ts'
import { findCatalogEntry, providerApis, upstreamCatalog } from '../upstream-catalog.ts'
import { servesApi } from './dialect-input.ts'
import type { DialectInput } from './dialect-input.ts'

/** An entry as it is written. An empty id means that the provider is off. */
const ProviderEntry = z.strictObject({
  provider_id: nameText.nullable(),
  provider_type: z.string(),
  config: optional(anyMap),
  module: optional(z.string()),
})
export type ProviderEntry = z.infer<typeof ProviderEntry>

/** The schema of the block. */
export const ProvidersBlock = z.record(z.string(), optional(z.array(ProviderEntry)))

/** The providers of a file. */
export interface ReadProviders {
  /** Those that are to be started. */
  readonly started: readonly ConfiguredProvider[]
  /** Ids that the file names and that are not started, by API, and why. */
  readonly absent: ReadonlyMap<string, 'off' | 'unsupported'>
}

/** The key of {@link ReadProviders.absent}. */
export function absentKey(api: string, id: string): string {
  return `${api} ${id}`
}

/** Decides about every entry of the block. */
export function readProviders(
  block: z.infer<typeof ProvidersBlock>,
  external: boolean,
  input: DialectInput,
): ReadProviders {
  const reader = new ProviderReader(external, input)
  for (const [api, list] of Object.entries(block)) {
    if (!reader.knowsApi(api)) continue
    for (const [index, entry] of (list ?? []).entries()) reader.read(api, entry, ['providers', api, index])
  }
  reader.readDropped()
  return reader
}

class ProviderReader implements ReadProviders {
  readonly started: ConfiguredProvider[] = []
  readonly absent = new Map<string, 'off' | 'unsupported'>()
  /** The file brings provider types of its own, which are Python. */
  readonly #external: boolean
  readonly #input: DialectInput

  constructor(external: boolean, input: DialectInput) {
    this.#external = external
    this.#input = input
  }

  knowsApi(api: string): boolean {
    if (providerApis.includes(api) || servesApi(this.#input, api)) return true
    const nearest = findNearest(api, providerApis)
    this.#input.findings.fault(['providers', api], {
      problem: `There is no API '${api}'.`,
      fix: `${nearest === undefined ? '' : `Did you mean '${nearest}'? `}APIs with providers: ${providerApis.join(', ')}.`,
      target: 'key',
    })
    return false
  }

  read(api: string, entry: ProviderEntry, path: ConfigPath): void {
    const id = entry.provider_id ?? ''
    if (id === '') return this.#noteOff({ api, type: entry.provider_type, path })
    const type = this.#startableType(api, entry, path)
    if (type === undefined) {
      this.absent.set(absentKey(api, id), 'unsupported')
      return
    }
    const twin = this.started.find((provider) => provider.api === api && provider.id === id)
    if (twin !== undefined) {
      this.#note(
        path,
        { api, type, id },
        {
          severity: 'unsupported',
          message: `A second ${api} provider '${id}' is left out; the first one (${twin.path ?? 'above'}) is used.`,
          fix: 'Give it another provider_id, or move it to the API that it belongs to.',
        },
      )
      return
    }
    this.started.push({
      api,
      id,
      type,
      config: type === entry.provider_type ? withoutNulls(entry.config ?? {}) : {},
      ...this.#input.findings.place(path),
    })
  }

  /** Entries that substitution took out because their id is `__disabled__`. */
  readDropped(): void {
    for (const { path, entry } of this.#input.tree.dropped) {
      const [root, api] = path
      const type = entry['provider_type']
      if (root !== 'providers' || typeof api !== 'string' || typeof type !== 'string') continue
      this.#noteOffAtSource({ api, type, path, written: entry['provider_id'] })
    }
  }

  /** The type to start, or undefined with a note or a fault. */
  #startableType(api: string, entry: ProviderEntry, path: ConfigPath): string | undefined {
    const { provider_type: type, provider_id: id } = entry
    const row = findCatalogEntry(api, type)
    const provider = { api, type, ...(id === null ? {} : { id }) }
    if (row?.standIn !== undefined) {
      const served = [type, row.standIn.type].find((candidate) => this.#isServed(api, candidate))
      if (served !== undefined) {
        this.#note(path, provider, {
          severity: 'substituted',
          message: `${type} is served by a built-in stand-in: ${row.standIn.what}.`,
          fix: `Use a provider with such models, for example remote::ollama, where quality matters.`,
        })
        return served
      }
    }
    if (this.#isServed(api, type)) return type
    if (row?.builtIn !== undefined) {
      this.#note(path, provider, {
        severity: 'substituted',
        message: `${api} provider ${type} (${row.description}) is a part of this server: ${row.builtIn}.`,
        fix: 'Nothing to do: it is there with or without the entry.',
      })
      return undefined
    }
    const renamed = row?.renamedTo
    if (renamed !== undefined && this.#isServed(api, renamed)) {
      this.#note(path, provider, {
        severity: 'substituted',
        message: `${type} is now called ${renamed}.`,
        fix: `Write ${renamed}.`,
      })
      return renamed
    }
    this.#reportUnserved(entry, row, { api, path })
    return undefined
  }

  #isServed(api: string, type: string): boolean {
    return this.#input.servedTypes[api]?.includes(type) ?? false
  }

  #reportUnserved(
    entry: ProviderEntry,
    row: CatalogEntry | undefined,
    { api, path }: { api: string; path: ConfigPath },
  ): void {
    const { provider_type: type, provider_id: id } = entry
    const provider = { api, type, ...(id === null ? {} : { id }) }
    if (row !== undefined) {
      const when = row.unserved === 'later' ? 'not served by this version yet' : 'not served here'
      const fix = row.instead ?? 'Nothing to do: the entry is skipped until a version serves it.'
      this.#note(path, provider, {
        severity: 'unsupported',
        message: `${api} provider ${type} (${row.description}) is ${when}.`,
        fix,
      })
      return
    }
    if (typeof entry.module === 'string' || this.#external) {
      const source = typeof entry.module === 'string' ? `the Python package ${entry.module}` : 'a Python package'
      this.#note(path, provider, {
        severity: 'unsupported',
        message: `${api} provider ${type} comes from ${source}, which cannot run here.`,
        fix: 'Write it as a provider of this server: docs/guides/add-a-provider.md.',
      })
      return
    }
    const homes = upstreamCatalog.filter((candidate) => candidate.type === type).map((candidate) => candidate.api)
    if (homes.length > 0) {
      this.#note(path, provider, {
        severity: 'unknown',
        message: `${type} is no provider of ${api}; it belongs to ${homes.join(', ')}.`,
        fix: 'Move the entry.',
      })
      return
    }
    this.#faultUnknownType(entry, { api, path })
  }

  #faultUnknownType(entry: ProviderEntry, { api, path }: { api: string; path: ConfigPath }): void {
    const types = new Set([
      ...(this.#input.servedTypes[api] ?? []),
      ...upstreamCatalog.filter((known) => known.api === api).map((known) => known.type),
    ])
    const nearest = findNearest(entry.provider_type, types)
    this.#input.findings.fault([...path, 'provider_type'], {
      problem: `There is no ${api} provider '${entry.provider_type}'.${nearest === undefined ? '' : ` Did you mean '${nearest}'?`}`,
      fix: 'Correct the type, or list all: llama stack list-providers.',
    })
  }

  #noteOff({ api, type, path }: { api: string; type: string; path: ConfigPath }): void {
    const written = this.#input.findings.written([...path, 'provider_id'])
    const source = this.#input.tree.sourcePath(path)
    this.#noteOffAtSource({ api, type, path: source, written })
  }

  #noteOffAtSource({
    api,
    type,
    path,
    written,
  }: {
    api: string
    type: string
    path: ConfigPath
    written: unknown
  }): void {
    for (const id of possibleIds(written)) this.absent.set(absentKey(api, id), 'off')
    const variables = variablesOf(written)
    this.#input.findings.noteAtSource(path, {
      severity: 'info',
      message: `${api} provider ${type} is off${variables.length === 0 ? '' : `: ${variables.join(' and ')} not set`}.`,
      ...(variables.length === 0 ? {} : { fix: `Set ${variables.join(' and ')} to turn it on.` }),
      provider: { api, type },
    })
  }

  #note(
    path: ConfigPath,
    provider: { api: string; type: string; id?: string },
    note: { severity: 'substituted' | 'unsupported' | 'unknown'; message: string; fix: string },
  ): void {
    this.#input.findings.note(path, { ...note, provider })
  }
}

/** The ids that a written `provider_id` can resolve to. */
function possibleIds(written: unknown): readonly string[] {
  if (typeof written !== 'string') return []
  const expressions = findEnvExpressions(written)
  return expressions.length === 0 ? [written] : expressions.map((expression) => expression.operand)
}

function withoutNulls(map: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(map)
      .filter(([, value]) => value !== null && value !== undefined)
      .map(([key, value]) => [key, isConfigMap(value) ? withoutNulls(value) : value]),
  )
}
