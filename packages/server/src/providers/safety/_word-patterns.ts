/** Lists of words as patterns that share their beginnings: a long list costs a text hardly more than a short one. */
import { escapePattern, isWordUnit } from './_pattern-syntax.ts'

/** What follows after a piece of a pattern, by the next piece. */
type Continuations = Map<string, Continuations>

/**
 * Patterns for whole words in any case, with any space within phrases: one for those that begin as words do, one for the
 * others. Where a script puts no spaces between words, they are found within others too.
 */
export function toWordPatterns(words: readonly string[]): readonly string[] {
  const root: Continuations = new Map()
  for (const word of words) {
    let at = root
    for (const piece of toPieces(word)) {
      const next: Continuations = at.get(piece) ?? new Map()
      at.set(piece, next)
      at = next
    }
    at.set('', new Map())
  }
  return [...root].map(([piece, continuations]) => piece + toPattern(continuations))
}

function toPieces(word: string): string[] {
  const letters = word
    .split(/(\s+)/)
    .flatMap((part) => (/^\s/.test(part) ? [String.raw`\s+`] : Array.from(part, escapePattern)))
  return [edge(word[0]) || '(?:)', ...letters, edge(word.at(-1))]
}

function edge(unit: string | undefined): string {
  return unit !== undefined && isWordUnit(unit.charCodeAt(0)) ? String.raw`\b` : ''
}

function toPattern(continuations: Continuations): string {
  const alternatives = [...continuations].map(([piece, rest]) => piece + toPattern(rest))
  return alternatives.length < 2 ? alternatives.join('') : `(?:${alternatives.join('|')})`
}
