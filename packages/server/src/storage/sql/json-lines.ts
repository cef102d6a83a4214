/**
 * Many JSON texts in one: a line each, so that reading them back takes no parser.
 *
 * `JSON.stringify` writes no line break, and within a string JSON allows none. Where a text has one all the same, it stands
 * between two tokens, and a space does as well.
 */

/** One text, a line for each JSON text. */
export function toJsonLines(texts: readonly string[]): string {
  return texts.map((text) => (text.includes('\n') ? text.replaceAll('\n', ' ') : text)).join('\n')
}

/** The JSON texts of {@link toJsonLines}, in their order. */
export function fromJsonLines(lines: string): string[] {
  return lines === '' ? [] : lines.split('\n')
}
