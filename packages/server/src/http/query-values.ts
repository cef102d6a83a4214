/** Query strings, read as their schema means them. */
import type * as z from 'zod'
import { definitionOf, unwrap } from './schema-walk.ts'

/** What the router's parser gives: a repeated name becomes an array. */
export type RawQuery = Readonly<Record<string, string | string[] | undefined>>

/**
 * Numbers, booleans and lists for a schema that declares them. Clients spell lists and objects as `include[]=a` and
 * `metadata[team]=x` (the OpenAI SDK does); both are understood. A list of names may also stand in one value, as
 * `include=a,b` (llama-stack-client writes it so).
 */
export function toQueryValues(query: RawQuery, schema: z.ZodObject): Record<string, unknown> {
  const values = bareRecord()
  for (const [key, raw] of Object.entries(query)) {
    if (raw === undefined) continue
    const [, name = key, inner] = /^([^[\]]+)\[([^[\]]*)\]$/.exec(key) ?? []
    const kind = kindOf(schema, name)
    if (inner !== undefined && inner !== '') {
      const entries = (values[name] ??= bareRecord())
      if (typeof entries === 'object') Object.assign(entries, { [inner]: last(raw) })
    } else if (kind === 'array') {
      const earlier = values[name]
      const given = Array.isArray(raw) ? raw : [raw]
      const items = hasFixedNames(schema, name) ? given.flatMap((text) => text.split(',')) : given
      values[name] = [...(Array.isArray(earlier) ? (earlier as unknown[]) : []), ...items]
    } else {
      values[name] = toScalar(last(raw), kind)
    }
  }
  return values
}

/** Without a prototype: the names are the client's, and `__proto__[x]=1` must stay a mere name. */
const bareRecord = (): Record<string, unknown> => Object.create(null) as Record<string, unknown>

const last = (raw: string | string[]): string => (Array.isArray(raw) ? (raw.at(-1) ?? '') : raw)

function toScalar(text: string, kind: string): unknown {
  if (kind === 'number' && text.trim() !== '' && Number.isFinite(Number(text))) return Number(text)
  if (kind === 'boolean' && (text === 'true' || text === '1')) return true
  if (kind === 'boolean' && (text === 'false' || text === '0')) return false
  return text
}

function kindOf(schema: z.ZodObject, name: string): string {
  return fieldOf(schema, name)?.type ?? 'string'
}

/** Whether a list takes certain names only: those have no commas, while a free text may. */
function hasFixedNames(schema: z.ZodObject, name: string): boolean {
  const field = fieldOf(schema, name)
  return field?.type === 'array' && definitionOf(unwrap(field.element)).type === 'enum'
}

function fieldOf(schema: z.ZodObject, name: string): ReturnType<typeof definitionOf> | undefined {
  const field = Object.hasOwn(schema.shape, name) ? schema.shape[name] : undefined
  return field === undefined ? undefined : definitionOf(unwrap(field))
}
