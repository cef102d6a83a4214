/** Padding of deltas: who sees the sizes of events does not see the lengths of tokens. */

/** Deltas with their padding have a multiple of this many characters. */
const PADDING = 'x'.repeat(16)

/** A delta event by its beginning, and the padding at its end. */
const DELTA = /^\{"type":"[\w.]+\.delta"/
const PADDED = /,"obfuscation":"x*"\}$/

/** The member for a delta, as the last one of its event: `,"obfuscation":…`. */
export function toPadding(delta: string): string {
  return `,"obfuscation":"${PADDING.slice(delta.length % PADDING.length)}"`
}

/** An event as it was told, with padding or without. Nothing but deltas is padded. */
export function obfuscate(json: string, isPadded: boolean): string {
  if (!DELTA.test(json) || PADDED.test(json) === isPadded) return json
  if (!isPadded) return json.replace(PADDED, '}')
  // Of our own making.
  const { delta } = JSON.parse(json) as { readonly delta: string }
  return `${json.slice(0, -1)}${toPadding(delta)}}`
}
