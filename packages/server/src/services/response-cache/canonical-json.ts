/** One text for all spellings of a JSON value. */
import { isRecord } from '../../kernel/json-record.ts'

/** The text of a JSON value in which members are sorted: equal exactly for equal values. */
export function toCanonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) => (isRecord(member) ? toSorted(member) : member))
}

function toSorted(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)))
}
