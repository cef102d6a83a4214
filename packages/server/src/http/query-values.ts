/** Query strings, read as their schema means them. */
import type * as z from 'zod'
import { definitionOf, unwrap } from './schema-walk.ts'

/** What the router's parser gives: a repeated name becomes an array. */
export type RawQuery = Readonly<Record<string, string | string[] | undefined>>

/**
 * Numbers, booleans and lists for a schema that declares them. Clients spell lists and objects as `include[]=a` and
 * `metadata[team]=x` (the OpenAI SDK does); both are understood.
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
      values[name] = [...(Array.isArray(earlier) ? (earlier as unknown[]) : []), ...(Array.isArray(raw) ? raw : [raw])]
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
  const field = Object.hasOwn(schema.shape, name) ? schema.shape[name] : undefined
  return field === undefined ? 'string' : definitionOf(unwrap(field)).type
}
