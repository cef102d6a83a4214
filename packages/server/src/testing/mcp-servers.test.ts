import { Client, SSEClientTransport, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { describe, expect, test } from 'vitest'
import { standardMcpTools, startMcpServer, stdioMcpServer } from './mcp-servers.ts'
import type { McpTestServerOptions } from './mcp-servers.ts'

const kinds: readonly (readonly [string, McpTestServerOptions, string])[] = [
  ['2026', { era: '2026' }, '2026-07-28'],
  ['both', { era: 'both' }, '2026-07-28'],
  ['2025 with sessions', { era: '2025' }, '2025-11-25'],
  ['2025 without sessions', { era: '2025', stateless: true }, '2025-11-25'],
  ['2024 with sessions', { era: '2024' }, '2025-11-25'],
  ['2024 without sessions', { era: '2024', stateless: true }, '2025-11-25'],
  ['server-sent events', { transport: 'sse' }, '2025-11-25'],
]

const connected = async (url: string, options: McpTestServerOptions): Promise<Client> => {
  const client = new Client({ name: 'test', version: '0' }, { versionNegotiation: { mode: 'auto' } })
  const transport =
    options.transport === 'sse' ? new SSEClientTransport(new URL(url)) : new StreamableHTTPClientTransport(new URL(url))
  if (options.transport === 'sse') client.setVersionNegotiation({ mode: 'legacy' })
  await client.connect(transport)
  return client
}

describe('the MCP servers of tests', () => {
  test.each(kinds)('%s', async (_name, options, version) => {
    await using server = await startMcpServer(options)
    const client = await connected(server.url, options)
    expect(client.getNegotiatedProtocolVersion()).toBe(version)
    const { tools } = await client.listTools()
    expect(tools.map(({ name }) => name)).toEqual(standardMcpTools.map(({ name }) => name))
    const result = await client.callTool({
      name: 'add',
      arguments: { a: 1, b: 2 },
      _meta: { 'io.llamastack/call_id': 'call_1' },
    })
    expect(result.content).toEqual([{ type: 'text', text: '3' }])
    expect(server.calls).toMatchObject([{ name: 'add', arguments: { a: 1, b: 2 }, callId: 'call_1', cancelled: false }])
    await client.close()
  })

  test('a child process', async () => {
    const client = new Client({ name: 'test', version: '0' }, { versionNegotiation: { mode: 'auto' } })
    await client.connect(new StdioClientTransport(stdioMcpServer()))
    const result = await client.callTool({ name: 'add', arguments: { a: 1, b: 2 } })
    expect(result.content).toEqual([{ type: 'text', text: '3' }])
    await client.close()
  }, 20_000)
})
