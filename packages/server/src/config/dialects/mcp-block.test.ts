import { expect, test } from 'vitest'
import { McpSettings } from '../mcp-settings.ts'
import { McpBlock, readMcp } from './mcp-block.ts'

test('the block has a key for every setting', () => {
  const block = McpBlock.parse({
    connect_timeout_ms: '1',
    list_timeout_ms: 2,
    call_timeout_ms: 3,
    max_call_ms: 4,
    list_ttl_ms: 0,
    idle_ms: 6,
    max_connections: 7,
    max_tools: 8,
    max_tool_list_bytes: 9,
    max_result_bytes: 10,
    max_message_bytes: 11,
    breaker: { failures: 12, open_ms: 13, max_open_ms: '14' },
    public_url: 'https://stack.example',
  })
  expect(McpSettings.parse(readMcp(block))).toEqual({
    connectTimeoutMs: 1,
    listTimeoutMs: 2,
    callTimeoutMs: 3,
    maxCallMs: 4,
    listTtlMs: 0,
    idleMs: 6,
    maxConnections: 7,
    maxTools: 8,
    maxToolListBytes: 9,
    maxResultBytes: 10,
    maxMessageBytes: 11,
    breaker: { failures: 12, openMs: 13, maxOpenMs: 14 },
    publicUrl: 'https://stack.example',
  })
})

test('an empty value is the default', () => {
  const read = readMcp(McpBlock.parse({ connect_timeout_ms: null, breaker: { failures: null }, public_url: null }))
  expect(McpSettings.parse(read)).toEqual(McpSettings.parse({}))
})

test.each([
  { connect_timeout_ms: 0 },
  { idle_ms: 86_400_001 },
  { breaker: { open_ms: 86_400_001 } },
  { max_tools: -1 },
  { public_url: 'file:///x' },
  { publicUrl: 'https://x.example' },
])('%j is refused', (block) => {
  expect(McpBlock.safeParse(block).success).toBe(false)
})
