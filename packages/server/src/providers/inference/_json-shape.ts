/** Careful reading of JSON that a vendor or a caller wrote. */
import { isRecord } from '../../kernel/json-record.ts'

/** The value at a dotted path, or undefined where the path ends early. */
export function findAt(of: unknown, path: string): unknown {
  let at = of
  for (const key of path.split('.')) {
    if (!isRecord(at)) return undefined
    at = at[key]
  }
  return at
}

/** A string with something in it. Configurations and headers say "nothing" with null and with an empty string. */
export function findText(of: unknown): string | undefined {
  if (typeof of === 'number') return String(of)
  return typeof of === 'string' && of !== '' ? of : undefined
}
