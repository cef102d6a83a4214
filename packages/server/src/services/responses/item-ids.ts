/** The ids that the stack gives: a prefix that tells the kind, as OpenAI's do, and 48 hexadecimal digits. */
import type { ItemResource } from '@llama-stack/api'
import type { Ids } from '../../kernel/ids.ts'

/** What kind of item it is. */
export type ItemType = ItemResource['type']

const PREFIXES: Readonly<Record<ItemType, string>> = Object.freeze({
  message: 'msg_',
  reasoning: 'rs_',
  compaction: 'cmp_',
  function_call: 'fc_',
  function_call_output: 'fco_',
  custom_tool_call: 'ctc_',
  custom_tool_call_output: 'ctco_',
  web_search_call: 'ws_',
  file_search_call: 'fs_',
  mcp_list_tools: 'mcpl_',
  mcp_call: 'mcp_',
  mcp_approval_request: 'mcpr_',
  mcp_approval_response: 'mcpa_',
  computer_call: 'cu_',
  computer_call_output: 'cuo_',
  image_generation_call: 'ig_',
  code_interpreter_call: 'ci_',
  local_shell_call: 'lsh_',
  local_shell_call_output: 'lsho_',
  shell_call: 'sh_',
  shell_call_output: 'sho_',
  apply_patch_call: 'apc_',
  apply_patch_call_output: 'apco_',
  tool_search_call: 'tsc_',
  tool_search_output: 'tso_',
})

/** What the ids of items of this type begin with. */
export function itemPrefix(type: ItemType): string {
  return PREFIXES[type]
}

/** A fresh id for an item of this type. */
export function newItemId(ids: Ids, type: ItemType): string {
  return ids.hex(PREFIXES[type])
}

/** A fresh id for a response. It begins with the time, so that the store's index of responses grows at its end only. */
export function newResponseId(ids: Ids, atMs: number): string {
  return ids.hex('resp_', atMs)
}
