import { describe, expect, it } from 'vitest'
import { InputItem, isInputMessage, isItemReference, ItemResource, OutputItem } from './items.ts'

const carried: readonly object[] = [
  {
    type: 'computer_call',
    call_id: 'c',
    action: { type: 'click', x: 1, y: 2 },
    pending_safety_checks: [],
    status: 'completed',
  },
  { type: 'computer_call_output', call_id: 'c', output: { type: 'computer_screenshot', image_url: 'data:,' } },
  { type: 'image_generation_call', status: 'completed', result: 'aGk=' },
  {
    type: 'code_interpreter_call',
    status: 'completed',
    container_id: 'cntr',
    code: '1',
    outputs: [{ type: 'logs', logs: '1' }],
  },
  { type: 'local_shell_call', call_id: 'c', status: 'completed', action: { type: 'exec', command: ['ls'], env: {} } },
  { type: 'local_shell_call_output', output: 'a' },
  { type: 'shell_call', call_id: 'c', action: { commands: ['ls'] } },
  {
    type: 'shell_call_output',
    call_id: 'c',
    output: [{ stdout: '', stderr: '', outcome: { type: 'exit', exit_code: 0 } }],
  },
  { type: 'apply_patch_call', call_id: 'c', status: 'completed', operation: { type: 'delete_file', path: 'a' } },
  { type: 'apply_patch_call_output', call_id: 'c', status: 'failed' },
  { type: 'tool_search_call', arguments: { query: 'x' } },
  { type: 'tool_search_output', tools: [{ type: 'function', name: 'f' }] },
]

const called: readonly object[] = [
  { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' },
  { type: 'function_call_output', call_id: 'c', output: '3' },
  { type: 'function_call_output', call_id: 'c', output: [{ type: 'input_text', text: '3' }] },
  { type: 'custom_tool_call', call_id: 'c', name: 'f', input: 'x' },
  { type: 'custom_tool_call_output', call_id: 'c', output: [{ type: 'input_image', image_url: 'data:,' }] },
  { type: 'reasoning', summary: [], content: [{ type: 'reasoning_text', text: 'x' }], encrypted_content: null },
  { type: 'compaction', encrypted_content: 'x' },
  { type: 'file_search_call', status: 'completed', queries: ['x'], results: null },
  {
    type: 'web_search_call',
    status: 'completed',
    action: { type: 'search', query: 'x', sources: [{ type: 'url', url: 'u' }] },
  },
  { type: 'mcp_list_tools', server_label: 's', tools: [{ name: 't', input_schema: { $ref: '#/$defs/x' } }] },
  { type: 'mcp_call', server_label: 's', name: 't', arguments: '{}', output: 'x', error: null },
]

const messages: readonly object[] = [
  { role: 'user', content: 'x' },
  { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'x' }] },
  { role: 'user', content: [{ type: 'input_file', file_data: 'data:,', filename: 'a.pdf' }] },
  { role: 'assistant', content: [{ type: 'output_text', text: 'x' }], phase: 'commentary' },
  {
    type: 'message',
    id: 'msg_1',
    status: 'completed',
    role: 'assistant',
    content: [{ type: 'refusal', refusal: 'x' }],
  },
]

describe('items of a request', () => {
  it.each([...messages, ...called, ...carried])('may be %o', (item) => {
    expect(InputItem.safeParse(item)).toMatchObject({ success: true, data: item })
    expect(InputItem.safeParse({ ...item, id: 'x_1' }).success).toBe(true)
  })

  it.each<[string, unknown]>([
    ['of an unknown type', { type: 'nope' }],
    ['a text', 'x'],
    ['without anything', {}],
    ['a message without content', { role: 'user' }],
    ['a message with an id and without content', { id: 'msg_1', role: 'user' }],
    ['a message of a tool', { role: 'tool', content: 'x' }],
    ['a call without its name', { type: 'function_call', call_id: 'c', arguments: '{}' }],
    [
      'an approval request that nobody can answer',
      { type: 'mcp_approval_request', server_label: 's', name: 't', arguments: '' },
    ],
    ['a reference without an id', { type: 'item_reference' }],
  ])('may not be %s', (_name, item) => {
    expect(InputItem.safeParse(item).success).toBe(false)
  })

  it('are messages where type or role say so, and references where only an id is left', () => {
    const kindOf = (item: unknown): string => {
      const parsed = InputItem.parse(item)
      return isInputMessage(parsed) ? 'message' : isItemReference(parsed) ? 'reference' : 'other'
    }
    expect(messages.map(kindOf)).toEqual(messages.map(() => 'message'))
    expect([{ type: 'item_reference', id: 'a' }, { type: null, id: 'a' }, { id: 'a' }].map(kindOf)).toEqual([
      'reference',
      'reference',
      'reference',
    ])
    expect([...called, ...carried].map(kindOf)).toEqual([...called, ...carried].map(() => 'other'))
  })
})

describe('items of a response', () => {
  it.each([...called, ...carried])('have an id: %o', (item) => {
    expect(OutputItem.safeParse({ ...item, id: 'x_1', status: 'completed' }).success).toBe(true)
    expect(OutputItem.safeParse({ ...item, status: 'completed' }).success).toBe(false)
  })

  it('are kept with messages of either side, whose content is parts', () => {
    const kept = { type: 'message', id: 'msg_1', status: 'completed' }
    const text = { type: 'output_text', text: 'x', annotations: [], logprobs: [] }
    expect(ItemResource.safeParse({ ...kept, role: 'assistant', content: [text] }).success).toBe(true)
    expect(
      ItemResource.safeParse({ ...kept, role: 'user', content: [{ type: 'input_text', text: 'x' }] }).success,
    ).toBe(true)
    expect(ItemResource.safeParse({ ...kept, role: 'user', content: 'x' }).success).toBe(false)
    expect(ItemResource.safeParse({ type: 'item_reference', id: 'x' }).success).toBe(false)
    expect(OutputItem.safeParse({ ...kept, role: 'user', content: [] }).success).toBe(false)
  })
})
