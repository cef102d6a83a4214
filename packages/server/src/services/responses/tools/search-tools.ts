/** Searches as tools that the loop runs. */
import type { ItemResource, JsonObject, ResponseInclude } from '@llama-stack/api'
import { isStackError } from '@llama-stack/api'
import type { FileSearch } from '../../search-tools/file-search.ts'
import { toStartedFileSearch } from '../../search-tools/file-search.ts'
import { readSearchQuery } from '../../search-tools/search-query.ts'
import type { FileSearchItem, WebSearchItem } from '../../search-tools/search-outcome.ts'
import type { WebSearch } from '../../search-tools/web-search.ts'
import { toStartedWebSearch } from '../../search-tools/web-search.ts'
import { withIncluded } from '../include-fields.ts'
import { toFailure } from './mcp-tools.ts'
import type { ToolCaller, ToolOutcome } from './server-tool.ts'
import type { SearchPort } from './tool-sources.ts'

/** The tools over the searches of this server. */
export function toSearchPort({ web, files }: { readonly web: WebSearch; readonly files: FileSearch }): SearchPort {
  return {
    webSearch(tool, { caller, include }) {
      const runner = web.prepare(tool, caller)
      return {
        name: 'web_search',
        type: 'web_search_call',
        isRepeatable: true,
        needsApproval: false,
        describe: (args) => toMembers(toStartedWebSearch(queryText(args)), include),
        run: (call, from) =>
          search(call.arguments, from, async (query) => {
            const { content, item, hits } = await runner.run(query, from)
            return { content, isError: false, members: toMembers(item, include), citable: { hits } }
          }),
      }
    },
    fileSearch(tool, { include }) {
      const runner = files.prepare(tool)
      return {
        name: 'file_search',
        type: 'file_search_call',
        isRepeatable: true,
        needsApproval: false,
        describe: (args) => toMembers(toStartedFileSearch(queryText(args)), include),
        run: (call, from) =>
          search(call.arguments, from, async (query) => {
            const { content, item, files: found } = await runner.run(query, from)
            return { content, isError: false, members: toMembers(item, include), citable: { files: found } }
          }),
      }
    },
  }
}

function queryText(args: JsonObject): string {
  return typeof args['query'] === 'string' ? args['query'] : ''
}

/** What the item says of a search beside its state, and shows to who asked for it. */
function toMembers(item: WebSearchItem | FileSearchItem, include: ReadonlySet<string>): JsonObject {
  // The id is given by who writes the item; names that nobody knows were refused with the request.
  const shown = withIncluded({ ...item, id: '' } as ItemResource, [...include] as ResponseInclude[])
  const { id: _id, status: _status, type: _type, ...members } = shown as JsonObject
  return members
}

async function search(
  args: JsonObject,
  caller: ToolCaller,
  run: (query: string) => Promise<ToolOutcome>,
): Promise<ToolOutcome> {
  const query = readSearchQuery(JSON.stringify(args))
  if ('problem' in query) return { ...toFailure(query.problem), members: {} }
  try {
    return await run(query.query)
  } catch (error) {
    caller.signal.throwIfAborted()
    if (!isStackError(error)) throw error
    return { ...toFailure(error.message), members: {} }
  }
}
