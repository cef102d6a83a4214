/** What MCP servers have listed, from the items that told of it. */
import { asText } from '../../../kernel/json-record.ts'
import type { Item } from '../output/output.ts'
import type { KnownListings } from '../tools/tool-sources.ts'

/** The last listing of each server that told one. */
export function toKnownListings(items: readonly Item[]): KnownListings {
  const listings = new Map<string, Item>()
  for (const item of items) {
    if (item.type === 'mcp_list_tools' && typeof item['error'] !== 'string') {
      listings.set(asText(item['server_label']), item)
    }
  }
  return listings
}
