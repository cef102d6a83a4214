/**
 * Substitution over a whole configuration: which texts are substituted, which become what type, which entries go.
 *
 * Two deliberate differences from upstream. Values of keys that carry secrets stay text, so that a key of digits only
 * does not become a number; an empty one is null as everywhere. And all missing variables are found in one pass.
 */
import { convertText, findEnvExpressions, substituteText } from './env-grammar.ts'
import type { EnvExpression, EnvWorld } from './env-grammar.ts'
import type { ConfigPath } from './config-path.ts'
import { isSecretKey } from '../kernel/secrets.ts'

/** What the two generations do differently. */
export interface EnvTreeRules {
  /** List entries whose `model_id`, `shield_id` or `vector_store_id` resolves to nothing are dropped. */
  readonly dropsEmptyIds: boolean
}

/** A list entry that the environment turned off. */
export interface DroppedEntry {
  readonly path: ConfigPath
  readonly entry: Readonly<Record<string, unknown>>
  /** The key that decided. */
  readonly key: string
}

/** A variable that has to be set and is not. */
export interface MissingVariable {
  readonly path: ConfigPath
  readonly expression: EnvExpression
}

/** A configuration after substitution. */
export interface EnvTree {
  readonly value: unknown
  readonly missing: readonly MissingVariable[]
  readonly dropped: readonly DroppedEntry[]
  /** The place in the source of a place in `value`: dropped entries shift those behind them. */
  sourcePath(path: ConfigPath): ConfigPath
}

/** The provider id that takes its entry out without a look at the rest of it. */
const DISABLED = '__disabled__'

const NAME_KEYS: ReadonlySet<string> = new Set(['image_name', 'distro_name'])
const ID_KEYS = ['vector_store_id', 'model_id', 'shield_id'] as const

/** Substitutes every text of a parsed configuration. Keys of maps are never substituted. */
export function substituteTree(value: unknown, world: EnvWorld, rules: EnvTreeRules): EnvTree {
  const walk = new Walk(world, rules)
  const substituted = walk.visit(value, [])
  return {
    value: substituted,
    missing: walk.missing,
    dropped: walk.dropped,
    sourcePath: (path) => sourcePathOf(substituted, path, walk.origins),
  }
}

/** Tells whether a parsed value is a map. */
export function isConfigMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

class Walk {
  readonly missing: MissingVariable[] = []
  readonly dropped: DroppedEntry[] = []
  readonly origins = new WeakMap<object, ConfigPath>()
  readonly #world: EnvWorld
  readonly #rules: EnvTreeRules

  constructor(world: EnvWorld, rules: EnvTreeRules) {
    this.#world = world
    this.#rules = rules
  }

  visit(value: unknown, path: ConfigPath): unknown {
    if (typeof value === 'string') return this.#text(value, path)
    if (Array.isArray(value)) return this.#keepOrigin(this.#list(value, path), path)
    if (isConfigMap(value)) return this.#keepOrigin(this.#map(value, path), path)
    return value
  }

  #text(text: string, path: ConfigPath): unknown {
    const result = substituteText(text, this.#world)
    for (const expression of result.missing) this.missing.push({ path, expression })
    if (result.text === text) return text
    if (!staysText(path)) return convertText(result.text)
    return result.text === '' && !isTopLevelName(path) ? null : result.text
  }

  #list(list: readonly unknown[], path: ConfigPath): unknown[] {
    return list.flatMap((entry: unknown, index) => {
      const entryPath = [...path, index]
      if (isConfigMap(entry)) {
        const key = this.#droppingKey(entry)
        if (key !== undefined) {
          this.dropped.push({ path: entryPath, entry, key })
          return []
        }
      }
      return [this.visit(entry, entryPath)]
    })
  }

  #droppingKey(entry: Readonly<Record<string, unknown>>): string | undefined {
    if (this.#peek(entry['provider_id']) === DISABLED) return 'provider_id'
    if (!this.#rules.dropsEmptyIds) return undefined
    return ID_KEYS.find((key) => typeof entry[key] === 'string' && this.#peek(entry[key]) === null)
  }

  /** Resolves an id before its siblings. An id that cannot be resolved is left to the normal walk, which reports it. */
  #peek(value: unknown): unknown {
    if (typeof value !== 'string') return value
    const result = substituteText(value, this.#world)
    return result.missing.length > 0 ? undefined : result.text === '' ? null : result.text
  }

  #map(map: Readonly<Record<string, unknown>>, path: ConfigPath): Readonly<Record<string, unknown>> {
    const entries = Object.entries(map).map(([key, value]) => {
      if (key === 'provider_config' && this.#isEmptyAuthProvider(value, path)) return [key, null] as const
      const visited = this.visit(value, [...path, key])
      const isName = path.length === 0 && NAME_KEYS.has(key)
      return [
        key,
        isName && (typeof visited === 'number' || typeof visited === 'boolean') ? `${visited}` : visited,
      ] as const
    })
    // fromEntries defines its keys, so that a key named __proto__ is a key like any other.
    return Object.fromEntries(entries)
  }

  #isEmptyAuthProvider(value: unknown, path: ConfigPath): boolean {
    if (path.join('.') !== 'server.auth' || !isConfigMap(value) || !('type' in value)) return false
    return this.#peek(value['type']) === null
  }

  #keepOrigin<Container extends object>(container: Container, path: ConfigPath): Container {
    this.origins.set(container, path)
    return container
  }
}

function staysText(path: ConfigPath): boolean {
  if (isTopLevelName(path)) return true
  const key = path.findLast((part) => typeof part === 'string')
  return key !== undefined && isSecretKey(key)
}

function isTopLevelName(path: ConfigPath): boolean {
  const [key] = path
  return path.length === 1 && typeof key === 'string' && NAME_KEYS.has(key)
}

function sourcePathOf(root: unknown, path: ConfigPath, origins: WeakMap<object, ConfigPath>): ConfigPath {
  let source: ConfigPath = []
  let value = root
  for (const part of path) {
    // An index or a key of a container that is not there: the rest of the path is taken as it is.
    value = typeof value === 'object' && value !== null ? Reflect.get(value, part) : undefined
    const origin = typeof value === 'object' && value !== null ? origins.get(value) : undefined
    source = origin ?? [...source, part]
  }
  return source
}

/** The variables that a written value names. */
export function variablesOf(value: unknown): readonly string[] {
  return typeof value === 'string' ? findEnvExpressions(value).map((expression) => expression.variable) : []
}
