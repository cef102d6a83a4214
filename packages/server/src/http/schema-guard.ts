/**
 * A cheap test derived from a schema: whether a value is surely valid.
 *
 * A parse by zod copies every object that it looks at and costs more than all else that the edge does for a request.
 * What is received stays the client's own object anyway, so for a valid request only the verdict is wanted. The guard gives
 * it without allocating; whatever it does not pass is parsed, which also finds the words for an error.
 */
import type * as z from 'zod'
import { definitionOf } from './schema-walk.ts'
import type { Schema } from './schema-walk.ts'

/** True only for values that the schema accepts. */
export type SchemaGuard = (value: unknown) => boolean

type Definition = ReturnType<typeof definitionOf>

/** The guard of a schema; undefined where some part of it (a transform, a default, an unknown check) needs the parser. */
export function toSchemaGuard(schema: Schema): SchemaGuard | undefined {
  const definition = definitionOf(schema)
  const tests = definition.checks?.map(toCheckGuard) ?? []
  const base = toBaseGuard(definition)
  if (base === undefined || tests.includes(undefined)) return undefined
  const checks = tests.filter((test) => test !== undefined)
  return checks.length === 0 ? base : (value) => base(value) && checks.every((check) => check(value))
}

function toBaseGuard(of: Definition): SchemaGuard | undefined {
  if (of.type === 'string') return 'format' in of ? undefined : (value) => typeof value === 'string'
  if (of.type === 'number') return toNumberGuard(of)
  if (of.type === 'boolean') return (value) => typeof value === 'boolean'
  if (of.type === 'null') return (value) => value === null
  if (of.type === 'unknown' || of.type === 'any') return () => true
  if (of.type === 'literal') return toMemberGuard(of.values)
  if (of.type === 'enum') return toMemberGuard(Object.values(of.entries))
  if (of.type === 'optional') return toUnlessGuard(of.innerType, undefined)
  if (of.type === 'nullable') return toUnlessGuard(of.innerType, null)
  if (of.type === 'array') return toArrayGuard(of.element)
  if (of.type === 'union') return toUnionGuard(of.options)
  if (of.type === 'record') return toRecordGuard(of)
  return of.type === 'object' ? toObjectGuard(of) : undefined
}

function toNumberGuard(definition: z.core.$ZodNumberDef): SchemaGuard | undefined {
  if (!('format' in definition)) return (value) => typeof value === 'number' && Number.isFinite(value)
  return definition.format === 'safeint' ? (value) => Number.isSafeInteger(value) : undefined
}

function toMemberGuard(values: readonly unknown[]): SchemaGuard {
  const [only] = values
  return values.length === 1 ? (value) => value === only : (value) => values.includes(value)
}

function toUnlessGuard(inner: Schema, allowed: undefined | null): SchemaGuard | undefined {
  const guard = toSchemaGuard(inner)
  return guard === undefined ? undefined : (value) => value === allowed || guard(value)
}

function toArrayGuard(element: Schema): SchemaGuard | undefined {
  const guard = toSchemaGuard(element)
  return guard === undefined ? undefined : (value) => Array.isArray(value) && value.every((item) => guard(item))
}

/** Also for a union with a discriminator: its literals let one option pass at most. */
function toUnionGuard(options: readonly Schema[]): SchemaGuard | undefined {
  const guards = toGuards(options)
  return guards === undefined ? undefined : (value) => guards.some((guard) => guard(value))
}

function toRecordGuard(definition: z.core.$ZodRecordDef): SchemaGuard | undefined {
  const key = toSchemaGuard(definition.keyType)
  const value = toSchemaGuard(definition.valueType)
  if (key === undefined || value === undefined) return undefined
  return (of) => {
    if (!isPlainObject(of)) return false
    for (const name in of) if (!key(name) || !value(of[name])) return false
    return true
  }
}

/** Only for loose objects: a strict one has to look for unknown keys. The keys that are there are walked, for they are few. */
function toObjectGuard(definition: z.core.$ZodObjectDef): SchemaGuard | undefined {
  if (definition.catchall?._zod.def.type !== 'unknown') return undefined
  const guards = toGuards(Object.values(definition.shape))
  if (guards === undefined) return undefined
  const byKey = new Map(Object.keys(definition.shape).map((key, index) => [key, guards[index]]))
  const required = [...byKey].filter(([, guard]) => guard?.(undefined) !== true).map(([key]) => key)
  return (value) => {
    if (!isPlainObject(value)) return false
    for (const key in value) {
      const guard = byKey.get(key)
      if (guard !== undefined && !guard(value[key])) return false
    }
    for (const key of required) if (value[key] === undefined) return false
    return true
  }
}

function toGuards(schemas: readonly Schema[]): readonly SchemaGuard[] | undefined {
  const guards = schemas.map((schema) => toSchemaGuard(schema))
  return guards.includes(undefined) ? undefined : guards.filter((guard) => guard !== undefined)
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `min` and `max` of numbers, texts and arrays. */
function toCheckGuard(check: z.core.$ZodCheck<never>): SchemaGuard | undefined {
  // The base type hides which of the known checks it is.
  const definition = check._zod.def as z.core.$ZodChecks['_zod']['def']
  if (definition.check === 'number_format') {
    return definition.format === 'safeint' ? (value) => Number.isSafeInteger(value) : undefined
  }
  if (definition.check === 'greater_than') {
    const { value: limit, inclusive } = definition
    return (value) => typeof value === 'number' && (inclusive ? value >= Number(limit) : value > Number(limit))
  }
  if (definition.check === 'less_than') {
    const { value: limit, inclusive } = definition
    return (value) => typeof value === 'number' && (inclusive ? value <= Number(limit) : value < Number(limit))
  }
  if (definition.check === 'min_length') return (value) => hasLength(value) && value.length >= definition.minimum
  if (definition.check === 'max_length') return (value) => hasLength(value) && value.length <= definition.maximum
  return undefined
}

function hasLength(value: unknown): value is string | readonly unknown[] {
  return typeof value === 'string' || Array.isArray(value)
}
