/** Careful reading of JSON that a vendor or a caller wrote. */
import { isRecord } from '../../kernel/json-record.ts'

/** The value at a dotted path, in which a number is a place in a list; undefined where the path ends early. */
export function findAt(of: unknown, path: string): unknown {
  let at = of
  for (const key of path.split('.')) {
    if (Array.isArray(at)) at = at[Number(key)]
    else if (isRecord(at) && Object.hasOwn(at, key)) at = at[key]
    else return undefined
  }
  return at
}

/** A string with something in it. Configurations and headers say "nothing" with null and with an empty string. */
export function findText(of: unknown): string | undefined {
  if (typeof of === 'number') return String(of)
  return typeof of === 'string' && of !== '' ? of : undefined
}

/** The value of a table's own entry: a key that a vendor or a caller chose may be the name of something inherited. */
export function findEntry<Value>(of: Readonly<Record<string, Value>>, key: string): Value | undefined {
  return Object.hasOwn(of, key) ? of[key] : undefined
}
