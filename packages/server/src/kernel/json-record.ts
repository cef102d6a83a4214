/** Telling JSON objects from everything else that JSON can hold. */

/** Whether a value is an object with string keys, not an array. */
export function isRecord(of: unknown): of is Record<string, unknown> {
  return typeof of === 'object' && of !== null && !Array.isArray(of)
}

/** The value itself where it is a text; an empty one otherwise. */
export function asText(of: unknown): string {
  return typeof of === 'string' ? of : ''
}

/** The value itself where it is such an object; an empty one otherwise, so that its members read as absent. */
export function asRecord(of: unknown): Record<string, unknown> {
  return isRecord(of) ? of : {}
}
