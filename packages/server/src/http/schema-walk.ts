/** Looking into zod schemas: what stands beneath optional, nullable and default. */
import type * as z from 'zod'

/** Any zod schema, as the core of zod sees it. */
export type Schema = z.core.$ZodType

/** The definition of a schema, told apart by `type`. */
export function definitionOf(schema: Schema): z.core.$ZodTypes['_zod']['def'] {
  return (schema as z.core.$ZodTypes)._zod.def // zod's own union of all its types
}

const WRAPPERS: ReadonlySet<string> = new Set([
  'optional',
  'nullable',
  'default',
  'prefault',
  'nonoptional',
  'readonly',
  'catch',
])

/** The schema itself, without what makes it optional. */
export function unwrap(schema: Schema): Schema {
  const definition = definitionOf(schema)
  return WRAPPERS.has(definition.type) && 'innerType' in definition ? unwrap(definition.innerType) : schema
}

/** The schema of the field at a path, where objects and arrays lead there. */
export function findSchema(schema: Schema, path: readonly PropertyKey[]): Schema | undefined {
  const inner = unwrap(schema)
  const [key, ...rest] = path
  if (key === undefined) return inner
  const definition = definitionOf(inner)
  if (definition.type === 'array') return findSchema(definition.element, rest)
  const field = definition.type === 'object' ? definition.shape[String(key)] : undefined
  return field === undefined ? undefined : findSchema(field, rest)
}

const FILLING: ReadonlySet<string> = new Set(['default', 'prefault', 'catch'])

/** Whether parsing with this schema may add something, at any depth. */
export function hasDefault(schema: Schema, seen = new Set<Schema>()): boolean {
  if (seen.has(schema)) return false
  seen.add(schema)
  const definition = definitionOf(schema)
  if (FILLING.has(definition.type)) return true
  return partsOf(definition).some((part) => hasDefault(part, seen))
}

function partsOf(definition: ReturnType<typeof definitionOf>): readonly Schema[] {
  if (definition.type === 'object') return Object.values(definition.shape)
  if (definition.type === 'array') return [definition.element]
  if (definition.type === 'union') return definition.options
  if (definition.type === 'record') return [definition.valueType]
  if (definition.type === 'lazy') return [definition.getter()]
  return 'innerType' in definition ? [definition.innerType] : []
}
