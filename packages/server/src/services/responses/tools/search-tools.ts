/** Searches as tools that the loop runs. */
import type { JsonObject } from '@llama-stack/api'
import { isStackError } from '@llama-stack/api'
import type { FileSearch } from '../../search-tools/file-search.ts'
import { toStartedFileSearch } from '../../search-tools/file-search.ts'
import { readSearchQuery } from '../../search-tools/search-query.ts'
import type { WebSearch } from '../../search-tools/web-search.ts'
import { toStartedWebSearch } from '../../search-tools/web-search.ts'
import { toFailure } from './mcp-tools.ts'
import type { ToolCaller, ToolOutcome } from './server-tool.ts'
import type { SearchPort } from './tool-sources.ts'

/** The tools over the searches of this server. */
export function toSearchPort({ web, files }: { readonly web: WebSearch; readonly files: FileSearch }): SearchPort {
  return {
    webSearch(tool, caller) {
      const runner = web.prepare(tool, caller)
      return {
        name: 'web_search',
        type: 'web_search_call',
        isRepeatable: true,
        needsApproval: false,
        describe: (args) => withoutStatus(toStartedWebSearch(queryText(args))),
        run: (call, from) =>
          search(call.arguments, from, async (query) => {
            const { content, item, hits } = await runner.run(query, from)
            return { content, isError: false, members: withoutStatus(item), citable: { hits } }
          }),
      }
    },
    fileSearch(tool) {
      const runner = files.prepare(tool)
      return {
        name: 'file_search',
        type: 'file_search_call',
        isRepeatable: true,
        needsApproval: false,
        describe: (args) => withoutStatus(toStartedFileSearch(queryText(args))),
        run: (call, from) =>
          search(call.arguments, from, async (query) => {
            const { content, item, files: found } = await runner.run(query, from)
            return { content, isError: false, members: withoutStatus(item), citable: { files: found } }
          }),
      }
    },
  }
}

function queryText(args: JsonObject): string {
  return typeof args['query'] === 'string' ? args['query'] : ''
}

/** The writer of the item says how it stands. */
function withoutStatus(item: object): JsonObject {
  const { status: _status, type: _type, ...members } = item as JsonObject
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
