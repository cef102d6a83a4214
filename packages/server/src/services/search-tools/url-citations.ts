/** Citations of pages in a finished text: where it names the address of a page that a search has found. */
import type { WebSearchHit } from '@llama-stack/api'
import { countCodePoints } from './code-points.ts'

/** OpenAI's annotation. The indexes count characters, not UTF-16 units; the last one lies behind the citation. */
export interface UrlCitation {
  readonly type: 'url_citation'
  readonly url: string
  readonly title: string
  readonly start_index: number
  readonly end_index: number
}

interface Found {
  readonly hit: Pick<WebSearchHit, 'url' | 'title'>
  readonly start: number
  readonly end: number
}

/** Finds the addresses of hits in a text. A Markdown link counts as a whole; a longer address is another page. */
export function toUrlCitations(
  text: string,
  hits: readonly Pick<WebSearchHit, 'url' | 'title'>[],
): readonly UrlCitation[] {
  const found = [...new Map(hits.map((hit) => [withoutSlash(hit.url), hit]))].flatMap(([address, hit]) =>
    findAddress(text, address).map((span) => ({ hit, ...span })),
  )
  const ordered = withoutOverlaps(found.toSorted((a, b) => a.start - b.start || b.end - a.end))
  return ordered.map(({ hit, start, end }) => ({
    type: 'url_citation',
    url: hit.url,
    title: hit.title,
    start_index: countCodePoints(text.slice(0, start)),
    end_index: countCodePoints(text.slice(0, end)),
  }))
}

const withoutSlash = (url: string): string => url.replace(/\/$/, '')

/** What may follow an address where it ends: an optional slash, then nothing that would lead further. */
const END = /^\/?(?![\w/%?&=#~+@-]|[.,:;!][\w/%-])/

function findAddress(text: string, address: string): Pick<Found, 'start' | 'end'>[] {
  const spans: Pick<Found, 'start' | 'end'>[] = []
  for (let at = text.indexOf(address); at !== -1; at = text.indexOf(address, at + address.length)) {
    const behind = at + address.length
    const rest = END.exec(text.slice(behind, behind + 3))
    if (rest !== null) spans.push(widenToLink(text, at, behind + rest[0].length))
  }
  return spans
}

/** `[label](address)` or `[label](address "title")` around an address. */
function widenToLink(text: string, start: number, end: number): Pick<Found, 'start' | 'end'> {
  if (text.slice(start - 2, start) !== '](') return { start, end }
  const close = /^(?:\s+"[^"]*")?\)/.exec(text.slice(end))
  const open = text.lastIndexOf('[', start - 2)
  if (close === null || open === -1) return { start, end }
  return { start: open, end: end + close[0].length }
}

function withoutOverlaps(ordered: readonly Found[]): readonly Found[] {
  const kept: Found[] = []
  for (const span of ordered) {
    const last = kept.at(-1)
    if (last === undefined || span.start >= last.end) kept.push(span)
  }
  return kept
}
