/** What a prompt says literally: quotes, numbers, names, dates. From these the demo assistant fills arguments and samples. */
import { toTerms } from './_lexical-terms.ts'

export interface Evidence {
  readonly text: string
  /** What stood between quotation marks. */
  readonly quotes: readonly string[]
  readonly numbers: readonly number[]
  /** Runs of capitalised words. What only begins a sentence is left out where there is something better. */
  readonly names: readonly string[]
  /** What follows a preposition: `tokyo` of `the weather in tokyo`. */
  readonly phrases: readonly string[]
  readonly dates: readonly string[]
  readonly emails: readonly string[]
  readonly urls: readonly string[]
  /** Folded words that say what the text is about. */
  readonly words: readonly string[]
  /** A calculation that is written out: `12 * (3 + 4)`. */
  readonly calculation: string | undefined
}

/** Only the end of a long prompt is read: that is where the question stands. */
const MAX_CHARACTERS = 20_000

const QUOTES =
  /"([^"\n]{1,400})"|“([^”\n]{1,400})”|«([^»\n]{1,400})»|`([^`\n]{1,400})`|(?<![\p{L}\p{N}])'([^'\n]{1,400})'(?![\p{L}\p{N}])/gu
const URLS = /https?:\/\/[^\s<>"')\]]+/g
const EMAILS = /[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+/g
const DATES = /\b\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2})?)?\b/g
const NUMBERS = /(?<![\p{L}\p{N}.])-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\p{L}\p{N}])/gu
const NAMES = /\p{Lu}[\p{L}\p{M}\p{N}’'-]*(?:[ ]\p{Lu}[\p{L}\p{M}\p{N}’'-]*)*/gu
const PHRASES =
  /\b(?:in|at|for|of|to|from|near|about|on|named|called)\s+(?:the\s+|an?\s+)?([\p{L}\p{N}][\p{L}\p{M}\p{N}'’-]*(?:[ ](?!(?:and|or|in|at|for|of|to|from|near|with|is|are|on|by|please|today|tomorrow|now)\b)[\p{L}\p{N}][\p{L}\p{M}\p{N}'’-]*){0,3})/giu
const CALCULATION = /[\d(][\d\s().]*(?:[-+*/×÷^%]\s*\(*\s*\d[\d\s().]*)+/

/** Reads the evidence of a text. */
export function toEvidence(fullText: string): Evidence {
  const text = fullText.slice(-MAX_CHARACTERS)
  const quotes = [...text.matchAll(QUOTES)].map((match) => match.slice(1).find((part) => part !== undefined) ?? '')
  const unquoted = text.replaceAll(QUOTES, ' " ')
  const urls = (unquoted.match(URLS) ?? []).map((url) => url.replace(/[.,;:!?]+$/, ''))
  const emails = unquoted.match(EMAILS) ?? []
  const dates = unquoted.match(DATES) ?? []
  const plain = unquoted.replaceAll(URLS, ' ').replaceAll(EMAILS, ' ').replaceAll(DATES, ' ')
  const phrases = [...plain.matchAll(PHRASES)].map((match) => match[1] ?? '')
  return {
    text,
    quotes,
    urls,
    emails,
    dates,
    numbers: (plain.match(NUMBERS) ?? []).map((digits) => Number(digits.replaceAll(',', ''))),
    names: findNames(plain, phrases.length === 0),
    phrases,
    words: [...new Set(toTerms(text).flatMap(({ word, stop }) => (stop ? [] : [word])))],
    calculation: CALCULATION.exec(plain)?.[0].trim(),
  }
}

/** `takesInitial` says whether a sentence’s first word may count, for want of others: `Tokyo weather`. */
function findNames(text: string, takesInitial: boolean): string[] {
  const inside: string[] = []
  const initial: string[] = []
  for (const match of text.matchAll(NAMES)) {
    const name = match[0].replace(/['’]s$/, '')
    if (!/(?:^|[.!?:\n"])\s*$/.test(text.slice(Math.max(0, match.index - 8), match.index))) {
      if (name !== 'I') inside.push(name)
      continue
    }
    // The first word of a sentence is capitalised anyway: `Find Paris` names Paris.
    const rest = name.split(' ').slice(1).join(' ')
    if (rest === '') initial.push(name)
    else inside.push(rest)
  }
  if (inside.length > 0 || !takesInitial) return [...new Set(inside)]
  return initial.filter((name) => toTerms(name).some(({ stop }) => !stop))
}

/** Whether a text mentions a value, as whole words. */
export function mentions(evidence: Evidence, value: string): boolean {
  const wanted = toTerms(value).map(({ stem }) => stem)
  if (wanted.length === 0) return false
  const said = toTerms(evidence.text).map(({ stem }) => stem)
  return said.some((_, start) => wanted.every((stem, index) => said[start + index] === stem))
}
