/** Listings of MCP servers that came with earlier responses, where they are what a request would be told anew. */
import type { McpTool, ResponseTool } from '@llama-stack/api'
import type { ResponseRepository } from '../../../storage/agent-state.ts'
import { responseIdOf } from '../item-ids-of-response.ts'
import type { Item } from '../output/output.ts'
import { echoTools } from '../request/echo-tools.ts'
import type { KnownListings } from '../tools/tool-sources.ts'

/** Those of the same server under the same label, of which no less was allowed then. */
export async function toReusableListings(
  listings: KnownListings,
  tools: readonly ResponseTool[],
  responses: Pick<ResponseRepository, 'find'>,
): Promise<KnownListings> {
  const wanted = tools.flatMap((tool) => {
    const item = tool.type === 'mcp' ? listings.get(tool.server_label) : undefined
    return tool.type !== 'mcp' || item === undefined ? [] : [{ tool, item, responseId: responseIdOf(item.id) }]
  })
  const found = await Promise.all(
    wanted.map(async ({ tool, item, responseId }): Promise<[string, Item] | undefined> => {
      const row = responseId === undefined ? undefined : await responses.find(responseId)
      const before = toAskedTools(row?.body).find(({ server_label: label }) => label === tool.server_label)
      return before !== undefined && isAskedAgain(tool, before) ? [tool.server_label, item] : undefined
    }),
  )
  return new Map(found.filter((entry) => entry !== undefined))
}

function toAskedTools(body: string | undefined): readonly McpTool[] {
  if (body === undefined) return []
  // What the engine has written is what it reads.
  const { tools } = JSON.parse(body) as { tools: readonly ResponseTool[] }
  return tools.filter((tool) => tool.type === 'mcp')
}

/** `before` is a tool as responses show it. */
function isAskedAgain(tool: McpTool, before: McpTool): boolean {
  const [shown = tool] = echoTools([tool])
  const isSameServer = toKey(shown, ['server_url', 'connector_id']) === toKey(before, ['server_url', 'connector_id'])
  const { allowed_tools: allowed } = before
  const allowedAll = allowed === undefined || allowed === null
  return isSameServer && (allowedAll || toKey(tool, ['allowed_tools']) === toKey(before, ['allowed_tools']))
}

function toKey(tool: Readonly<Record<string, unknown>>, members: readonly string[]): string {
  return JSON.stringify(members.map((member) => tool[member] ?? null))
}
