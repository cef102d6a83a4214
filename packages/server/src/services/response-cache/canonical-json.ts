/** One text for all spellings of a JSON value. */

/** The text of a JSON value in which members are sorted: equal exactly for equal values. */
export function toCanonicalJson(value: unknown): string {
  if (!isComposed(value)) return JSON.stringify(value)
  // Texts and token ids to embed come by the thousand: a list of such is written in one go.
  if (Array.isArray(value))
    return value.some(isComposed) ? `[${value.map(toCanonicalJson).join()}]` : JSON.stringify(value)
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${toCanonicalJson(member)}`).join()}}`
}

const isComposed = (value: unknown): value is object => typeof value === 'object' && value !== null
