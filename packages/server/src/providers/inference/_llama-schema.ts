/**
 * JSON Schema as a grammar can enforce it.
 *
 * A grammar writes every property, in order, and nothing beside them: all that it writes fits the schema. What only narrows
 * a number or a text (`minimum`, `pattern`) is not enforced; what changes the shape in ways that a grammar has no words
 * for is refused.
 */
import { StackError } from '@llama-stack/api'
import { asRecord, isRecord } from '../../kernel/json-record.ts'
import type { GrammarSchema, Scalar, ScalarType } from './_llama-engine.ts'

/** Any JSON value. */
const anything: GrammarSchema = Object.freeze({
  oneOf: [
    { type: ['string', 'number', 'boolean', 'null'] },
    { type: 'object', additionalProperties: true },
    { type: 'array' },
  ],
} as const)

/** Any JSON object. */
export const anyObject: GrammarSchema = Object.freeze({ type: 'object', additionalProperties: true })

const inexpressible = ['not', 'if', 'patternProperties', 'dependentSchemas', 'dependentRequired'] as const
const formats = new Set(['date-time', 'time', 'date'])
const scalarTypes = new Set(['string', 'number', 'integer', 'boolean', 'null'])
/** Longer repetitions make grammars that take longer than the text. */
const MAX_REPEATS = 1000

/** Converts a schema. Throws `invalid_value` with the place of what cannot be enforced. */
export function toGrammarSchema(schema: unknown, param: string): GrammarSchema {
  return new SchemaConversion(schema, param).run()
}

type Node = Readonly<Record<string, unknown>>

class SchemaConversion {
  readonly #root: unknown
  readonly #param: string
  /** By pointer: what references stand for, under a name that a grammar can have. */
  readonly #definitions = new Map<string, { readonly name: string; schema: GrammarSchema | undefined }>()

  constructor(root: unknown, param: string) {
    this.#root = root
    this.#param = param
  }

  run(): GrammarSchema {
    const schema = this.#convert(this.#root, '#')
    if (this.#definitions.size === 0) return schema
    const $defs = Object.fromEntries(
      [...this.#definitions.values()].map((definition) => [definition.name, definition.schema ?? anything]),
    )
    return { ...schema, $defs }
  }

  #convert(node: unknown, at: string): GrammarSchema {
    if (node === true) return anything
    if (!isRecord(node)) throw this.#refuse(at, 'it is no schema')
    for (const keyword of inexpressible) {
      if (node[keyword] !== undefined) throw this.#refuse(at, `'${keyword}' cannot be enforced while a text is written`)
    }
    const described = typeof node['description'] === 'string' ? { description: node['description'] } : {}
    return { ...described, ...this.#shape(node, at) }
  }

  #shape(node: Node, at: string): GrammarSchema {
    if (typeof node['$ref'] === 'string') return this.#reference(node['$ref'], at)
    if (Array.isArray(node['allOf'])) return this.#convert(this.#merge(node, node['allOf'], at), at)
    const choices = node['anyOf'] ?? node['oneOf']
    if (Array.isArray(choices)) {
      return { oneOf: choices.map((choice, index) => this.#convert(choice, `${at}/anyOf/${index}`)) }
    }
    if ('const' in node) return { const: this.#scalar(node['const'], at) }
    if (Array.isArray(node['enum'])) return { enum: node['enum'].map((value) => this.#scalar(value, at)) }
    return this.#typed(node, at)
  }

  #typed(node: Node, at: string): GrammarSchema {
    const { type } = node
    if (Array.isArray(type)) {
      const [only] = type
      if (type.length === 1) return this.#typed({ ...node, type: only }, at)
      return { oneOf: type.map((one) => this.#typed({ ...node, type: one }, at)) }
    }
    if (type === 'object' || (type === undefined && node['properties'] !== undefined)) return this.#object(node, at)
    if (type === 'array' || (type === undefined && node['items'] !== undefined)) return this.#array(node, at)
    if (type === 'string') return toStringSchema(node)
    if (type === undefined) return anything
    if (typeof type === 'string' && scalarTypes.has(type)) return { type: type as ScalarType }
    throw this.#refuse(at, `there is no type ${JSON.stringify(type)}`)
  }

  #object(node: Node, at: string): GrammarSchema {
    const required = Array.isArray(node['required']) ? node['required'] : []
    const properties: Record<string, GrammarSchema> = {}
    for (const [name, property] of Object.entries(asRecord(node['properties']))) {
      // Written each time, it would never end: an optional property that contains its own object is left out.
      if (!required.includes(name) && this.#recurs(property)) continue
      properties[name] = this.#convert(property, `${at}/properties/${name}`)
    }
    const isOpen = Object.keys(properties).length === 0
    const extra = node['additionalProperties']
    if (isRecord(extra)) {
      return { type: 'object', properties, additionalProperties: this.#convert(extra, `${at}/additionalProperties`) }
    }
    return isOpen && extra !== false && node['properties'] === undefined ? anyObject : { type: 'object', properties }
  }

  #array(node: Node, at: string): GrammarSchema {
    const prefix = node['prefixItems']
    const { items } = node
    return {
      type: 'array',
      ...(isRecord(items) ? { items: this.#convert(items, `${at}/items`) } : {}),
      ...(Array.isArray(prefix)
        ? { prefixItems: prefix.map((item, index) => this.#convert(item, `${at}/prefixItems/${index}`)) }
        : {}),
      ...limit('minItems', node['minItems']),
      ...limit('maxItems', node['maxItems']),
    }
  }

  #reference(pointer: string, at: string): GrammarSchema {
    const known = this.#definitions.get(pointer)
    if (known !== undefined) return { $ref: `#/$defs/${known.name}` }
    const target = this.#find(pointer)
    if (target === undefined) throw this.#refuse(at, `'${pointer}' is not within this schema`)
    const definition = { name: `d${this.#definitions.size}`, schema: undefined as GrammarSchema | undefined }
    this.#definitions.set(pointer, definition)
    definition.schema = this.#convert(target, pointer)
    return { $ref: `#/$defs/${definition.name}` }
  }

  /** Whether a property is the very thing that is being converted. */
  #recurs(property: unknown): boolean {
    const pointer = asRecord(property)['$ref']
    if (pointer === '#') return true
    return (
      typeof pointer === 'string' &&
      this.#definitions.has(pointer) &&
      this.#definitions.get(pointer)?.schema === undefined
    )
  }

  #find(pointer: string): unknown {
    if (!pointer.startsWith('#')) return undefined
    const steps = pointer
      .slice(1)
      .split('/')
      .slice(1)
      .map((step) => decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~'))
    let found: unknown = this.#root
    for (const step of steps) {
      found = Array.isArray(found)
        ? found[Number(step)]
        : isRecord(found) && Object.hasOwn(found, step)
          ? found[step]
          : undefined
    }
    return found
  }

  /** All of several objects: their properties together. */
  #merge(node: Node, parts: readonly unknown[], at: string): Node {
    const { allOf: _allOf, ...own } = node
    const merged: Record<string, unknown> = { ...own }
    for (const part of parts) {
      const pointer = asRecord(part)['$ref']
      const resolved = typeof pointer === 'string' ? this.#find(pointer) : part
      if (!isRecord(resolved) || Array.isArray(resolved['anyOf']) || Array.isArray(resolved['allOf'])) {
        throw this.#refuse(at, "'allOf' can only join plain schemas")
      }
      const properties = { ...asRecord(merged['properties']), ...asRecord(resolved['properties']) }
      const required = [merged['required'], resolved['required']].flatMap((names) =>
        Array.isArray(names) ? names : [],
      )
      Object.assign(merged, resolved)
      if (Object.keys(properties).length > 0) Object.assign(merged, { properties, required })
    }
    return merged
  }

  #scalar(value: unknown, at: string): Scalar {
    if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return value as Scalar
    throw this.#refuse(at, 'only texts, numbers, booleans and null can be listed')
  }

  #refuse(at: string, problem: string): StackError {
    const place = at === '#' ? '' : ` (at ${at})`
    return new StackError('invalid_value', {
      param: this.#param,
      problem: `${problem}${place}`,
      fix: 'Describe the value by types, properties, items and enums.',
    })
  }
}

function toStringSchema(node: Node): GrammarSchema {
  const { format } = node
  if (typeof format === 'string' && formats.has(format)) return { type: 'string', format }
  return { type: 'string', ...limit('minLength', node['minLength']), ...limit('maxLength', node['maxLength']) }
}

function limit<Name extends string>(name: Name, value: unknown): { readonly [Key in Name]?: number } {
  const isUsable = typeof value === 'number' && value >= 0 && value <= MAX_REPEATS
  // One computed key of the given name.
  return (isUsable ? { [name]: value } : {}) as { readonly [Key in Name]?: number }
}
