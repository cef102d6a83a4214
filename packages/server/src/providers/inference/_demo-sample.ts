/**
 * Writes a value that a JSON Schema accepts, coloured by the prompt. It covers what structured output uses: references,
 * alternatives, enums, bounds, formats, patterns, nesting, recursion. `not`, `if` and `dependent…` are passed over, and the
 * branches of a `oneOf` are taken to exclude each other.
 */
import type { Json } from '@llama-stack/api'
import { mentions, toEvidence } from './_demo-evidence.ts'
import type { Evidence } from './_demo-evidence.ts'
import { pickOne, seedRandom } from './_demo-random.ts'
import type { Random } from './_demo-random.ts'
import { sampleNumber, sampleText } from './_demo-scalars.ts'
import type { SampleSource } from './_demo-scalars.ts'
import {
  branchesOf,
  numberAt,
  propertiesOf,
  requiredOf,
  resolveSchema,
  toList,
  typesOf,
  withBranch,
} from './_demo-schema.ts'
import type { Schema } from './_demo-schema.ts'

/** From this depth on only what is required is written, so that recursive schemas come to an end. */
const LEAN_DEPTH = 5
/** Schemas come from callers: one that requires itself, or is very wide, is given up on rather than followed. */
const MAX_DEPTH = 48
const LEAN_NODES = 1500
const MAX_NODES = 20_000
const MAX_TRIES = 60
const MAX_CHOICES = 32

/** Samples a schema. The same schema, prompt and variant give the same value. */
export function sampleSchema(schema: unknown, prompt: string, variant = 0): Json {
  return new Sampler(schema, prompt, variant).sample(schema, 0)
}

class Sampler {
  readonly #root: unknown
  readonly #evidence: Evidence
  readonly #random: Random
  #nodes = 0
  #refused = 0

  constructor(root: unknown, prompt: string, variant: number) {
    this.#root = root
    this.#evidence = toEvidence(prompt)
    this.#random = seedRandom(`${variant} ${prompt}`)
  }

  sample(schema: unknown, depth: number): Json {
    this.#nodes += 1
    if (depth > MAX_DEPTH || this.#nodes > MAX_NODES) return null
    const lean = depth >= LEAN_DEPTH || this.#nodes > LEAN_NODES
    const decided = this.#decide(resolveSchema(schema, this.#root), lean)
    if (Object.hasOwn(decided, 'const')) return toJson(decided['const'])
    if (Array.isArray(decided['enum'])) return this.#member(decided)
    switch (this.#typeOf(decided, lean)) {
      case 'object':
        return this.#object(decided, { depth, lean })
      case 'array':
        return this.#array(decided, { depth, lean })
      case 'integer':
        return sampleNumber(decided, true, this.#source())
      case 'number':
        return sampleNumber(decided, false, this.#source())
      case 'boolean':
        return this.#random() < 0.5
      case 'null':
        return null
      default:
        return sampleText(decided, this.#source())
    }
  }

  #source(): SampleSource {
    return { evidence: this.#evidence, random: this.#random, refused: this.#refused }
  }

  /** Chooses among alternatives, and again where an alternative has alternatives. */
  #decide(schema: Schema, lean: boolean): Schema {
    let decided = schema
    for (let choices = 0; choices < MAX_CHOICES; choices += 1) {
      const branches = branchesOf(decided)?.filter((branch) => branch !== false)
      if (branches === undefined) return decided
      const full = branches.filter((branch) => !isNullOnly(resolveSchema(branch, this.#root)))
      const cheapest = lean ? branches.toSorted((left, right) => this.#cost(left) - this.#cost(right))[0] : undefined
      decided = withBranch(decided, cheapest ?? pickOne(full, this.#random) ?? branches[0], this.#root)
    }
    return {}
  }

  /** How much further a branch leads: what ends at once comes before what nests. */
  #cost(branch: unknown): number {
    const schema = resolveSchema(branch, this.#root)
    if (Object.hasOwn(schema, 'const') || Object.hasOwn(schema, 'enum')) return 0
    const types = typesOf(schema)
    if (types.includes('object')) return 2 + requiredOf(schema).length
    if (types.includes('array')) return 1 + 3 * (numberAt(schema, 'minItems') ?? 0)
    return branchesOf(schema) === undefined ? 0 : 2
  }

  #typeOf(schema: Schema, lean: boolean): string {
    const types = typesOf(schema)
    if (lean && types.includes('null')) return 'null'
    return types.find((type) => type !== 'null') ?? types[0] ?? 'string'
  }

  #member(schema: Schema): Json {
    const types = typesOf(schema)
    const values = toList(schema['enum']).filter(
      (value) =>
        types.length === 0 ||
        types.includes(typeName(value)) ||
        (types.includes('number') && typeof value === 'number'),
    )
    const said = values.find((value) => typeof value === 'string' && mentions(this.#evidence, value))
    const full = values.filter((value) => value !== null)
    return toJson((this.#refused === 0 ? said : undefined) ?? pickOne(full.length === 0 ? values : full, this.#random))
  }

  #object(schema: Schema, { depth, lean }: { depth: number; lean: boolean }): Json {
    const known = new Map(propertiesOf(schema))
    const required = requiredOf(schema)
    const most = numberAt(schema, 'maxProperties') ?? Infinity
    const least = numberAt(schema, 'minProperties') ?? 0
    const others = schema['additionalProperties']
    const names = new Set(required)
    const wanted = lean ? least : Infinity
    for (const [name, property] of known) {
      if (names.size < Math.min(most, wanted) && property !== false) names.add(name)
    }
    const isOpenMap = known.size === 0 && typeof others === 'object'
    const added = Math.min(most, Math.max(least, isOpenMap && !lean && names.size === 0 ? 1 : 0))
    for (let tries = 0; names.size < added && others !== false && tries < MAX_TRIES; tries += 1) {
      names.add(this.#propertyName(schema, tries))
    }
    // In the order of the schema; fromEntries cannot set a prototype, whatever a property is called.
    const ordered = [
      ...[...known.keys()].filter((name) => names.has(name)),
      ...[...names].filter((name) => !known.has(name)),
    ]
    return Object.fromEntries(
      ordered.map((name) => [name, this.sample(known.has(name) ? known.get(name) : others, depth + 1)]),
    )
  }

  #propertyName(schema: Schema, tries: number): string {
    const rule = resolveSchema(schema['propertyNames'], this.#root)
    if (Array.isArray(rule['enum'])) return String(rule['enum'][tries % rule['enum'].length])
    if (typeof rule['pattern'] === 'string') return sampleText(rule, this.#source())
    return pickOne(this.#evidence.words, this.#random) ?? `key${tries}`
  }

  #array(schema: Schema, { depth, lean }: { depth: number; lean: boolean }): Json {
    const prefix = toList(schema['prefixItems'])
    const least = numberAt(schema, 'minItems') ?? 0
    const most = Math.min(
      numberAt(schema, 'maxItems') ?? Infinity,
      schema['items'] === false ? prefix.length : Infinity,
    )
    const contained = schema['contains']
    const pleasant = lean ? 0 : Math.max(prefix.length, 1 + Math.floor(this.#random() * 3))
    const count = Math.min(most, Math.max(least, pleasant, contained === undefined ? 0 : 1, prefix.length))
    const items: Json[] = []
    const seen = new Set<string>()
    const unique = schema['uniqueItems'] === true
    while (items.length < count && this.#nodes <= MAX_NODES) {
      const rule = items.length < prefix.length ? prefix[items.length] : schema['items']
      const last = items.length === count - 1
      const item = this.#item(last && contained !== undefined ? { allOf: [rule ?? {}, contained] } : rule, {
        depth,
        seen,
        unique,
      })
      if (item === undefined) break
      items.push(item)
    }
    return items
  }

  /** One item; undefined when only repetitions come though items have to differ. */
  #item(
    rule: unknown,
    { depth, seen, unique }: { depth: number; seen: Set<string>; unique: boolean },
  ): Json | undefined {
    const before = this.#refused
    try {
      for (let tries = 0; tries < MAX_TRIES; tries += 1) {
        this.#refused = before + tries
        const item = this.sample(rule, depth + 1)
        const text = unique ? JSON.stringify(item) : ''
        if (!unique || !seen.has(text)) {
          seen.add(text)
          return item
        }
      }
      return undefined
    } finally {
      this.#refused = before
    }
  }
}

function isNullOnly(schema: Schema): boolean {
  return schema['const'] === null || (schema['type'] === 'null' && !Object.hasOwn(schema, 'enum'))
}

function typeName(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return Number.isInteger(value) ? 'integer' : typeof value
}

/** A value out of a schema that was parsed from JSON is JSON. */
function toJson(value: unknown): Json {
  return (value ?? null) as Json
}
