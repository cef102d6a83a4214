/** Items that end because the response does: what their kind has for it. */
import type { Item } from './output.ts'

/** What an item says that has an error and no state. */
export const CUT_OFF = 'The response ended first.'

/** The item as it is kept when nothing more comes of it. */
export function toCutOff(item: Item): Item {
  switch (item.type) {
    // Its state has no word for it.
    case 'web_search_call':
      return { ...item, status: 'failed' }
    // It has no state.
    case 'mcp_list_tools':
      return { ...item, error: CUT_OFF }
    default:
      return { ...item, status: 'incomplete' }
  }
}
