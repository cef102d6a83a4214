/** Scores texts against a query by the words that they share: BM25, helped by letter groups where words differ slightly. */
import type { RerankRequest, RerankResponse } from '@llama-stack/api'
import { toContentStems, toTerms } from './_lexical-terms.ts'
import { cosine, toLexicalVector } from './_lexical-vector.ts'
import { parseRerankTexts, rankItems } from './_rerank-text.ts'

/** BM25's usual constants: how fast repetition saturates, and how much long texts are held back. */
const SATURATION = 1.2
const LENGTH_PENALTY = 0.75
const WORDS_WEIGHT = 0.85
const VECTOR_DIMENSION = 512

/** Scores each text from 0 to 1, in the order given. 0 means that nothing is shared. */
export function scoreTexts(query: string, texts: readonly string[]): number[] {
  const queryVector = toLexicalVector(query, VECTOR_DIMENSION)
  const words = scoreWords(toContentStems(query), texts)
  return texts.map((text, index) => {
    const letters = Math.max(0, cosine(queryVector, toLexicalVector(text, VECTOR_DIMENSION)))
    return Math.min(1, WORDS_WEIGHT * (words[index] ?? 0) + (1 - WORDS_WEIGHT) * letters)
  })
}

/** BM25, divided by what a text that repeats every query word for ever would get: so that it ends at 1. */
function scoreWords(query: ReadonlySet<string>, texts: readonly string[]): number[] {
  const documents = texts.map(countStems)
  const meanLength = documents.reduce((sum, { length }) => sum + length, 0) / texts.length || 1
  const rarity = new Map<string, number>()
  for (const stem of query) {
    const holders = documents.filter(({ counts }) => counts.has(stem)).length
    rarity.set(stem, Math.log(1 + (documents.length - holders + 0.5) / (holders + 0.5)))
  }
  const best = [...rarity.values()].reduce((sum, weight) => sum + weight * (SATURATION + 1), 0)
  if (best === 0) return documents.map(() => 0)
  return documents.map(({ counts, length }) => {
    const norm = SATURATION * (1 - LENGTH_PENALTY + (LENGTH_PENALTY * length) / meanLength)
    let score = 0
    for (const [stem, weight] of rarity) {
      const count = counts.get(stem) ?? 0
      score += (weight * count * (SATURATION + 1)) / (count + norm)
    }
    return score / best
  })
}

function countStems(text: string): { counts: Map<string, number>; length: number } {
  const counts = new Map<string, number>()
  const terms = toTerms(text)
  for (const { stem } of terms) counts.set(stem, (counts.get(stem) ?? 0) + 1)
  return { counts, length: terms.length }
}

/** Answers a rerank request, most relevant first. Throws `invalid_value` for images. */
export function rerankLexically(request: RerankRequest): RerankResponse {
  const { query, texts } = parseRerankTexts(request)
  return { data: rankItems(request, scoreTexts(query, texts)) }
}
