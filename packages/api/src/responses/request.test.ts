import { describe, expect, it } from 'vitest'
import { CreateResponseRequest } from './request.ts'
import { ResponseTool } from './tools.ts'

const tools: readonly object[] = [
  { type: 'function', name: 'f', parameters: { type: 'object', $defs: {} }, strict: true },
  { type: 'custom', name: 'f', format: { type: 'grammar', syntax: 'lark', definition: 'start: "x"' } },
  { type: 'namespace', name: 'n', description: 'd', tools: [{ type: 'function', name: 'f' }] },
  {
    type: 'web_search',
    filters: { allowed_domains: ['example.com'] },
    user_location: { type: 'approximate', country: 'DE' },
  },
  { type: 'web_search_2025_08_26', search_context_size: 'low' },
  { type: 'web_search_preview' },
  { type: 'web_search_preview_2025_03_11' },
  {
    type: 'file_search',
    vector_store_ids: ['vs_1'],
    filters: {
      type: 'and',
      filters: [
        { type: 'eq', key: 'a', value: 1 },
        { type: 'or', filters: [] },
      ],
    },
    ranking_options: { ranker: 'auto', hybrid_search: { embedding_weight: 1, text_weight: 1 } },
  },
  {
    type: 'mcp',
    server_label: 's',
    server_url: 'https://example.com',
    require_approval: { always: { tool_names: ['a'] } },
  },
  { type: 'mcp', server_label: 's', connector_id: 'c', allowed_tools: ['a'], require_approval: { never: ['a'] } },
  { type: 'mcp', server_label: 's', server_url: 'u', allowed_tools: { read_only: true }, require_approval: 'never' },
  { type: 'code_interpreter', container: { type: 'auto' } },
  { type: 'image_generation' },
  { type: 'computer' },
  { type: 'computer_use_preview', environment: 'linux', display_width: 1, display_height: 1 },
  { type: 'local_shell' },
  { type: 'shell', environment: { type: 'local' } },
  { type: 'apply_patch' },
  { type: 'tool_search', execution: 'client' },
]

describe('the request of a response', () => {
  it.each(tools)('takes the tool %o', (tool) => {
    expect(ResponseTool.safeParse(tool)).toMatchObject({ success: true, data: tool })
  })

  it.each<object>([
    {},
    { input: 'x', conversation: 'conv_1' },
    { conversation: { id: 'conv_1' } },
    { prompt: { id: 'pmpt_1', version: '2', variables: { a: 'x', b: { type: 'input_image', file_id: 'f' } } } },
    { context_management: [{ type: 'compaction', compact_threshold: 1000 }] },
    { guardrails: ['s', { type: 't' }], max_infer_iters: 1, frequency_penalty: -2, presence_penalty: 2 },
    { tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'function', name: 'f' }] } },
    { tool_choice: { type: 'mcp', server_label: 's' } },
    { tool_choice: { type: 'shell' } },
    { include: ['reasoning.encrypted_content'], stream_options: { include_obfuscation: false } },
    { temperature: null, tools: null, input: null, text: null, metadata: null, include: null },
    { vendor_field: 1 },
  ])('takes %o', (fields) => {
    expect(CreateResponseRequest.safeParse({ model: 'm', ...fields })).toMatchObject({
      success: true,
      data: { model: 'm', ...fields },
    })
  })

  it.each<object>([
    { max_output_tokens: 15 },
    { max_tool_calls: 0 },
    { max_infer_iters: 0 },
    { top_logprobs: 21 },
    { temperature: 2.1 },
    { top_p: 1.1 },
    { frequency_penalty: -2.1 },
    { context_management: [] },
    { context_management: [{ type: 'compaction', compact_threshold: 999 }] },
    { include: ['everything'] },
    { tool_choice: { type: 'namespace' } },
    { tools: [{ type: 'function' }] },
    { tools: [{ type: 'mcp', server_label: 's', headers: { a: 1 } }] },
    { metadata: { a: 'x'.repeat(513) } },
    { safety_identifier: 'x'.repeat(65) },
    { text: { format: { type: 'json_schema', name: 'x' } } },
  ])('refuses %o', (fields) => {
    expect(CreateResponseRequest.safeParse({ model: 'm', ...fields }).success).toBe(false)
  })
})
