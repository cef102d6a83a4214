/** Text of search results, which engines mark up for pages. */

const ENTITIES: Readonly<Record<string, string>> = Object.freeze({
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
})

/** Takes the highlighting away and resolves character references. */
export function toPlainText(marked: string): string {
  return marked
    .replace(/<\/?(?:strong|em|b|i|mark|span)(?:\s[^>]*)?>/gi, '')
    .replace(/&(#x[0-9a-f]{1,6}|#\d{1,7}|[a-z]{2,6});/gi, (whole, reference: string) =>
      resolveReference(whole, reference.toLowerCase()),
    )
}

function resolveReference(whole: string, reference: string): string {
  if (!reference.startsWith('#')) return (Object.hasOwn(ENTITIES, reference) && ENTITIES[reference]) || whole
  const point = Number(reference.startsWith('#x') ? `0${reference.slice(1)}` : reference.slice(1))
  return point <= 0x10_ff_ff ? String.fromCodePoint(point) : whole
}
