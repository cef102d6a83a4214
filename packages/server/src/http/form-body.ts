/** Bodies of forms (`application/x-www-form-urlencoded`), read as their schema means them. */
import type * as z from 'zod'
import { parseOnce } from '../kernel/parse-once.ts'

/**
 * The fields of a form as one object. A value is read as JSON where it can be; a number, a truth value or a quoted text
 * only where the schema takes what comes of it, so that the prompt `42` stays a text. Keys that repeat, and `key[]`, make lists.
 */
export function parseForm(bytes: Uint8Array, schema: z.ZodObject): Record<string, unknown> {
  const fields = new Map<string, { readonly texts: string[]; isList: boolean }>()
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  for (const [key, one] of new URLSearchParams(text)) {
    const isList = key.endsWith('[]')
    const name = isList ? key.slice(0, -2) : key
    const field = fields.get(name)
    if (field === undefined) fields.set(name, { texts: [one], isList })
    else {
      field.texts.push(one)
      field.isList = true
    }
  }
  const entries = [...fields].map(([name, { texts, isList }]) => {
    const accepts = toCheck(schema, name)
    const parsed = isList ? texts.map(readJson) : readJson(texts[0] ?? '')
    if (accepts(parsed)) return [name, parsed] as const
    return [name, isList ? texts.map(readStructure) : readStructure(texts[0] ?? '')] as const
  })
  // Unlike assignments, this makes a mere member of `__proto__`.
  return Object.fromEntries(entries)
}

/** Whether a value is right for a field; unknown fields take all. */
function toCheck(schema: z.ZodObject, name: string): (value: unknown) => boolean {
  const field = Object.hasOwn(schema.shape, name) ? schema.shape[name] : undefined
  return (value) => field === undefined || field.safeParse(value, parseOnce).success
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

/** Objects and lists: nobody means a text by them. */
function readStructure(text: string): unknown {
  const value = readJson(text)
  return typeof value === 'object' && value !== null ? value : text
}
