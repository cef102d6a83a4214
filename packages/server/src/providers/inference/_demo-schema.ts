/** Reads JSON Schema as callers send it: references followed, `allOf` put together. */
import { isRecord } from '../../kernel/json-record.ts'

/** A schema in object form; `true` and anything unreadable is the empty one, which allows everything. */
export type Schema = Readonly<Record<string, unknown>>

const MAX_STEPS = 200
const EMPTY: Schema = Object.freeze({})
const TYPES = Object.freeze(['object', 'array', 'string', 'integer', 'number', 'boolean', 'null'])

/** A schema whose own level holds neither `$ref` nor `allOf`. Alternatives are left as they are. */
export function resolveSchema(schema: unknown, root: unknown): Schema {
  return resolveWithin(schema, root, { steps: MAX_STEPS })
}

/** A schema may refer to itself with nothing in between; `left` is shared by all that one resolution leads to. */
function resolveWithin(schema: unknown, root: unknown, left: { steps: number }): Schema {
  let resolved: Schema = isRecord(schema) ? schema : EMPTY
  while (left.steps > 0) {
    left.steps -= 1
    if (typeof resolved['$ref'] === 'string') {
      const { $ref: reference, ...beside } = resolved
      resolved = mergeSchemas(findReference(reference, root), beside)
    } else if (Array.isArray(resolved['allOf'])) {
      const { allOf, ...beside } = resolved
      resolved = allOf.reduce<Schema>((merged, part) => mergeSchemas(merged, resolveWithin(part, root, left)), beside)
    } else return resolved
  }
  return EMPTY
}

function findReference(reference: string, root: unknown): Schema {
  let at = root
  for (const step of reference.replace(/^#\/?/, '').split('/')) {
    if (step === '') continue
    const key = decodeStep(step)
    if (Array.isArray(at)) at = at[Number(key)]
    else if (isRecord(at) && Object.hasOwn(at, key)) at = at[key]
    else return EMPTY
  }
  return isRecord(at) ? at : EMPTY
}

function decodeStep(step: string): string {
  const plain = step.replaceAll('~1', '/').replaceAll('~0', '~')
  try {
    return decodeURIComponent(plain)
  } catch {
    return plain
  }
}

/** What holds when both schemas hold, for the keywords that are sampled. */
function mergeSchemas(left: Schema, right: Schema): Schema {
  const merged: Record<string, unknown> = { ...left }
  for (const [key, value] of Object.entries(right)) {
    merged[key] = Object.hasOwn(left, key) ? mergeKeyword(key, left[key], value) : value
  }
  return merged
}

function mergeKeyword(key: string, left: unknown, right: unknown): unknown {
  switch (key) {
    case 'properties':
      return mergeProperties(left, right)
    case 'required':
      return [...new Set([...toList(left), ...toList(right)])]
    case 'enum':
      return toList(left).filter((value) => toList(right).includes(value))
    case 'type':
      return toTypes(left).filter(
        (type) => toTypes(right).includes(type) || (type === 'integer' && toTypes(right).includes('number')),
      )
    case 'minimum':
    case 'exclusiveMinimum':
    case 'minLength':
    case 'minItems':
    case 'minProperties':
      return Math.max(Number(left), Number(right))
    case 'maximum':
    case 'exclusiveMaximum':
    case 'maxLength':
    case 'maxItems':
    case 'maxProperties':
      return Math.min(Number(left), Number(right))
    case 'additionalProperties':
      return left === false || right === false ? false : right
    case 'items':
      return { allOf: [left, right] }
    default:
      return right
  }
}

function mergeProperties(left: unknown, right: unknown): unknown {
  if (!isRecord(left) || !isRecord(right)) return right
  const shared = Object.entries(right).map(
    ([name, schema]) => [name, Object.hasOwn(left, name) ? { allOf: [left[name], schema] } : schema] as const,
  )
  return Object.fromEntries([...Object.entries(left), ...shared])
}

/** The types that a schema allows; what its keywords suggest where it does not say. Empty when anything goes. */
export function typesOf(schema: Schema): readonly string[] {
  if (schema['type'] !== undefined) return toTypes(schema['type'])
  const has = (...keys: string[]): boolean => keys.some((key) => Object.hasOwn(schema, key))
  if (has('properties', 'required', 'additionalProperties', 'minProperties', 'propertyNames')) return ['object']
  if (has('items', 'prefixItems', 'minItems', 'contains', 'uniqueItems')) return ['array']
  if (has('minLength', 'maxLength', 'pattern', 'format')) return ['string']
  if (has('minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf')) return ['number']
  return []
}

function toTypes(type: unknown): readonly string[] {
  return toList(type).filter((name): name is string => typeof name === 'string' && TYPES.includes(name))
}

/** A list as it is, anything else as a list of one, nothing as an empty list. */
export function toList(value: unknown): readonly unknown[] {
  if (value === undefined) return []
  return Array.isArray(value) ? value : [value]
}

/** The names and schemas of an object's properties. */
export function propertiesOf(schema: Schema): readonly (readonly [string, unknown])[] {
  return isRecord(schema['properties']) ? Object.entries(schema['properties']) : []
}

/** The names that an object must have. */
export function requiredOf(schema: Schema): readonly string[] {
  return toList(schema['required']).filter((name): name is string => typeof name === 'string')
}

/** The branches of `anyOf` or `oneOf`, or undefined. */
export function branchesOf(schema: Schema): readonly unknown[] | undefined {
  const branches = schema['anyOf'] ?? schema['oneOf']
  return Array.isArray(branches) && branches.length > 0 ? branches : undefined
}

/** The schema without its alternatives, and with one of them. */
export function withBranch(schema: Schema, branch: unknown, root: unknown): Schema {
  const { anyOf, oneOf, ...beside } = schema
  // A schema may hold both keywords; only the first is decided here.
  const rest = anyOf !== undefined && oneOf !== undefined ? { ...beside, oneOf } : beside
  return resolveSchema(mergeSchemas(rest, resolveSchema(branch, root)), root)
}

/** A number that a keyword gives, or undefined. */
export function numberAt(schema: Schema, key: string): number | undefined {
  const value = schema[key]
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}
