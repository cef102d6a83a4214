import { expect, test } from 'vitest'
import { createIds } from '../../kernel/ids.ts'
import { newItemId, newResponseId, type ItemType } from './item-ids.ts'

const ids = createIds()

test('an item is named by its kind', () => {
  const expected: [ItemType, string][] = [
    ['message', 'msg_'],
    ['function_call', 'fc_'],
    ['custom_tool_call', 'ctc_'],
    ['reasoning', 'rs_'],
    ['web_search_call', 'ws_'],
    ['file_search_call', 'fs_'],
    ['mcp_call', 'mcp_'],
    ['mcp_list_tools', 'mcpl_'],
    ['mcp_approval_request', 'mcpr_'],
    ['compaction', 'cmp_'],
  ]
  for (const [type, prefix] of expected) expect(newItemId(ids, type)).toMatch(new RegExp(`^${prefix}[0-9a-f]{48}$`))
})

test('responses are in order of their time', () => {
  const [early, late] = [newResponseId(ids, 1_700_000_000_000), newResponseId(ids, 1_700_000_000_001)]
  expect(early).toMatch(/^resp_[0-9a-f]{48}$/)
  expect(early < late).toBe(true)
})
