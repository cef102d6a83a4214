/** The `file_search` tool over the vector stores of the stack. */
import { StackError } from '@llama-stack/api'
import type { CallContext, FileSearchTool } from '@llama-stack/api'
import type { CitableFile } from './citation-stripper.ts'
import { toFileSearchMessage } from './file-search-message.ts'
import type { FileSearchItem, SearchOutcome } from './search-outcome.ts'
import type { FileSearchHit, VectorSearch, VectorSearchRequest } from './vector-search-port.ts'

export interface FileSearchOptions {
  /** Default: this server has no vector stores, and the tool is refused. */
  readonly vectorSearch?: VectorSearch | undefined
}

export interface FileSearchOutcome extends SearchOutcome<FileSearchItem> {
  /** The files that the model may cite, by every id that it may use. */
  readonly files: ReadonlyMap<string, CitableFile>
}

/** Searches as one request wants it. */
export interface FileSearchRunner {
  run(query: string, context: CallContext): Promise<FileSearchOutcome>
}

export interface FileSearch {
  /** Checks a tool of a request before anything runs. Throws `tool_unavailable` where there are no vector stores. */
  prepare(tool: FileSearchTool, param?: string): FileSearchRunner
}

const DEFAULT_RESULTS = 10

/** Prepares the tool. */
export function toFileSearch({ vectorSearch }: FileSearchOptions): FileSearch {
  return {
    prepare(tool, param = 'tools') {
      if (vectorSearch === undefined) throw withoutStores()
      if (tool.vector_store_ids.length === 0) throw withoutIds(param)
      const wishes = readWishes(tool)
      return {
        async run(query, context) {
          const hits = await vectorSearch.search({ ...wishes, query }, context)
          return {
            content: toFileSearchMessage(hits, query),
            item: toFileSearchItem(query, hits),
            files: toCitableFiles(hits),
          }
        },
      }
    },
  }
}

function readWishes(tool: FileSearchTool): Omit<VectorSearchRequest, 'query'> {
  const { vector_store_ids: ids, max_num_results: maxResults, filters, ranking_options: rankingOptions } = tool
  // Upstream's extension.
  const mode = tool['search_mode']
  return {
    vectorStoreIds: [...new Set(ids)],
    maxResults: maxResults ?? DEFAULT_RESULTS,
    ...(filters !== undefined && filters !== null && { filters }),
    ...(rankingOptions !== undefined && rankingOptions !== null && { rankingOptions }),
    ...((mode === 'vector' || mode === 'keyword' || mode === 'hybrid') && { mode }),
  }
}

/** The item while nothing has been found yet. */
export function toStartedFileSearch(query: string): FileSearchItem {
  return { type: 'file_search_call', status: 'in_progress', queries: [query] }
}

function toFileSearchItem(query: string, hits: readonly FileSearchHit[]): FileSearchItem {
  return {
    ...toStartedFileSearch(query),
    status: 'completed',
    results: hits.map(({ fileId, filename, text, score, attributes }) => ({
      file_id: fileId,
      filename,
      text,
      score,
      attributes: { ...attributes },
    })),
  }
}

/** The model is told document ids, and some models know that files have ids of their own. */
function toCitableFiles(hits: readonly FileSearchHit[]): ReadonlyMap<string, CitableFile> {
  return new Map(
    hits.flatMap(({ fileId, filename, documentId }) => {
      const file = { fileId, filename }
      return [
        [documentId, file],
        [fileId, file],
      ]
    }),
  )
}

function withoutStores(): StackError {
  return new StackError('tool_unavailable', {
    tool: 'file_search',
    reason: 'this server has no vector stores',
    fix: 'Leave the tool out, or offer a function of your own that searches.',
  })
}

function withoutIds(param: string): StackError {
  return new StackError('invalid_value', {
    param: `${param}.vector_store_ids`,
    problem: 'it names no vector store',
    value: '[]',
    fix: 'Send the id of at least one vector store.',
  })
}
