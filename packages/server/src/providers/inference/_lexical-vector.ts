/** A text as a vector without a model: its words, word pairs and letter groups, hashed into a fixed number of places. */
import { toTerms } from './_lexical-terms.ts'
import type { Term } from './_lexical-terms.ts'

/** A stop word counts as this part of another word. */
const STOP_DAMPING = 0.08
/** All letter groups of a word together weigh this part of the word itself: enough to tie forms and misspellings. */
const LETTERS_WEIGHT = 0.45
const PAIR_WEIGHT = 0.35
const GROUP_LENGTHS = Object.freeze([3, 4])
const FNV_PRIME = 0x01000193
/** Where hashing begins for each kind of feature, so that the word `cat` and the group `cat` are two features. */
const SEEDS = Object.freeze({ word: 0x811c9dc5, pair: 0x2f0b4c47, group: 0x6a09e667 })

/** The vector of a text: length 1, the same for the same text everywhere. Similar texts share words, not ideas. */
export function toLexicalVector(text: string, dimension: number): Float32Array {
  const sums = new Float64Array(dimension)
  const add = (hash: number, weight: number): void => {
    // One bit of the hash gives the sign, so that features that meet in one place cancel out on average.
    const place = (hash >>> 1) % dimension
    sums[place] = (sums[place] ?? 0) + ((hash & 1) === 0 ? weight : -weight)
  }
  const terms = toTerms(text)
  for (const { term, count } of countStems(terms).values()) {
    const weight = sublinear(count) * importance(term)
    add(hashText(term.stem, SEEDS.word), weight)
    if (!term.stop) addLetterGroups(term.stem, weight, add)
  }
  for (const [pair, count] of countPairs(terms)) add(hashText(pair, SEEDS.pair), sublinear(count) * PAIR_WEIGHT)
  return toUnitLength(sums)
}

/** The cosine of two vectors of length 1. */
export function cosine(left: Float32Array, right: Float32Array): number {
  let sum = 0
  for (const [index, value] of left.entries()) sum += value * (right[index] ?? 0)
  return sum
}

function countStems(terms: readonly Term[]): Map<string, { readonly term: Term; count: number }> {
  const counted = new Map<string, { readonly term: Term; count: number }>()
  for (const term of terms) {
    const known = counted.get(term.stem)
    if (known === undefined) counted.set(term.stem, { term, count: 1 })
    else known.count += 1
  }
  return counted
}

/** Neighbours once the stop words are out: word order counts for something. */
function countPairs(terms: readonly Term[]): Map<string, number> {
  const pairs = new Map<string, number>()
  let previous: Term | undefined
  for (const term of terms) {
    if (term.stop) continue
    if (previous !== undefined) {
      const pair = `${previous.stem} ${term.stem}`
      pairs.set(pair, (pairs.get(pair) ?? 0) + 1)
    }
    previous = term
  }
  return pairs
}

function addLetterGroups(stem: string, weight: number, add: (hash: number, weight: number) => void): void {
  const marked = `^${stem}$`
  const total = GROUP_LENGTHS.reduce((sum, length) => sum + Math.max(0, marked.length - length + 1), 0)
  const share = (weight * LETTERS_WEIGHT) / Math.sqrt(total)
  for (const length of GROUP_LENGTHS) {
    for (let start = 0; start + length <= marked.length; start += 1) {
      add(hashText(marked, SEEDS.group, { start, end: start + length }), share)
    }
  }
}

/** A word that comes ten times is not ten times as telling. */
function sublinear(count: number): number {
  return 1 + Math.log(count)
}

/** Without a corpus to count in, length stands for rarity. */
function importance({ stop, stem }: Term): number {
  return stop ? STOP_DAMPING : 0.6 + 0.08 * Math.min(stem.length, 8)
}

/** FNV-1a over UTF-16 units, with murmur's final mix because its low bits are weak. */
function hashText(text: string, seed: number, { start, end } = { start: 0, end: text.length }): number {
  let hash = seed
  for (let index = start; index < end; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), FNV_PRIME)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function toUnitLength(sums: Float64Array): Float32Array {
  let squares = 0
  for (const sum of sums) squares += sum * sum
  if (squares === 0) {
    // No words, or words that cancel out: there must be a vector all the same, or a cosine would divide by zero.
    return Float32Array.from(sums, (_, index) => (index === 0 ? 1 : 0))
  }
  const length = Math.sqrt(squares)
  return Float32Array.from(sums, (sum) => sum / length)
}
