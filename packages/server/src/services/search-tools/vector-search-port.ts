/** What the `file_search` tool needs of the vector stores: the port that their service implements. */
import type { CallContext, FileSearchFilter, RankingOptions } from '@llama-stack/api'

export interface VectorSearchRequest {
  /** All of them are searched; the best of all come back. */
  readonly vectorStoreIds: readonly string[]
  readonly query: string
  readonly maxResults: number
  /** On the attributes of files. */
  readonly filters?: FileSearchFilter
  readonly rankingOptions?: RankingOptions
  /** Default: the store's own. */
  readonly mode?: 'vector' | 'keyword' | 'hybrid'
}

/** One piece of a file that was found. */
export interface FileSearchHit {
  readonly fileId: string
  readonly filename: string
  /** The higher, the better. */
  readonly score: number
  /** The file's attributes. */
  readonly attributes: Readonly<Record<string, string | number | boolean>>
  /** The id under which the model is told of the file and cites it. A UUID, where recordings are to match. */
  readonly documentId: string
  readonly text: string
}

/** Vector stores as a tool sees them. */
export interface VectorSearch {
  /**
   * The best pieces, the best first. Rejects where a store is not there; a store that fails while others answer is
   * left out.
   */
  search(request: VectorSearchRequest, context: CallContext): Promise<readonly FileSearchHit[]>
}
