/** Vector stores of a test, without vectors: pieces of files are found by the words that they share with a query. */
import { StackError } from '@llama-stack/api'
import type { FileSearchHit, VectorSearch, VectorSearchRequest } from '../../packages/server/src/index.ts'

/** A piece of a file, as it lies in a store. */
export type StoredPiece = Omit<FileSearchHit, 'score'>

export interface LexicalSearch extends VectorSearch {
  /** Everything that was asked. */
  readonly asked: readonly (VectorSearchRequest & { readonly owner: string })[]
}

/** Stores by their ids. One that is not there is refused. */
export function createLexicalSearch(stores: Readonly<Record<string, readonly StoredPiece[]>>): LexicalSearch {
  const asked: LexicalSearch['asked'][number][] = []
  return {
    asked,
    search(request, { principal }) {
      asked.push({ ...request, owner: principal.id })
      const query = wordsOf(request.query)
      const hits = request.vectorStoreIds
        .flatMap((id) => {
          const pieces = stores[id]
          if (pieces !== undefined) return pieces
          throw new StackError('invalid_value', {
            param: 'vector_store_ids',
            problem: `there is no store '${id}'`,
            fix: 'Name another one.',
          })
        })
        .map((piece) => ({ ...piece, score: shareOf(query, wordsOf(piece.text)) }))
        .filter(({ score }) => score >= Math.max(request.rankingOptions?.score_threshold ?? 0, 0.01))
        .toSorted((a, b) => b.score - a.score)
      return Promise.resolve(hits.slice(0, request.maxResults))
    },
  }
}

function wordsOf(text: string): ReadonlySet<string> {
  return new Set(text.toLowerCase().match(/\w+/g))
}

/** How much of the query is in the piece. */
function shareOf(query: ReadonlySet<string>, piece: ReadonlySet<string>): number {
  return query.size === 0 ? 0 : query.intersection(piece).size / query.size
}
