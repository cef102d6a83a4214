/** The stream that would have told of a response, made from what is kept of it. */
import { replayCall } from './call-writer.ts'
import { replayMessage } from './message-writer.ts'
import type { Item, Output } from './output.ts'
import { replayReasoning } from './reasoning-writer.ts'
import { replaySearch } from './search-writer.ts'
import { replayToolList } from './tool-list-writer.ts'
import { addWholeItem } from './whole-item.ts'

/** How each kind of item is told of. A kind that is not here comes whole. */
const replays: Readonly<Record<string, (output: Output, item: Item) => void>> = Object.freeze({
  message: replayMessage,
  reasoning: replayReasoning,
  function_call: replayCall,
  custom_tool_call: replayCall,
  mcp_call: replayCall,
  mcp_list_tools: replayToolList,
  web_search_call: replaySearch,
  file_search_call: replaySearch,
})

/** Tells of finished items as if they came in now. */
export function replayItems(output: Output, items: readonly Item[]): void {
  for (const item of items) (replays[item.type] ?? addWholeItem)(output, item)
}
