import { describe, expect, test } from 'vitest'
import { ConfiguredResources } from './config/stack-config.ts'
import { toConnectors } from './configured-connectors.ts'

const read = (...connectors: Record<string, unknown>[]) => toConnectors(ConfiguredResources.parse({ connectors }))
const url = 'https://mcp.example/mcp'

describe('a connector', () => {
  test('as upstream writes it', () => {
    const found = read({ connector_id: 'a', connector_type: 'mcp', url, server_label: null })
    expect(found.all).toEqual([
      {
        id: 'a',
        label: 'a',
        endpoint: { transport: 'http', url },
        headers: {},
        auth: { type: 'none' },
        perUser: false,
        timeouts: {},
      },
    ])
    expect(found.find('a')).toBe(found.all[0])
    expect(found.find('b')).toBeUndefined()
  })

  test('with everything', () => {
    const { all } = read({
      connector_id: 'a',
      url,
      server_label: 'label',
      server_description: 'what it is for',
      headers: { 'x-team': 'ops' },
      per_user: true,
      connect_timeout_ms: '1',
      list_timeout_ms: 2,
      call_timeout_ms: 3,
      max_call_ms: 4,
      auth: {
        type: 'authorization_code',
        client_id: 'id',
        client_secret: 's',
        issuer: 'https://login.example',
        scope: 'x',
      },
    })
    expect(all[0]).toEqual({
      id: 'a',
      label: 'label',
      description: 'what it is for',
      endpoint: { transport: 'http', url },
      headers: { 'x-team': 'ops' },
      perUser: true,
      timeouts: { connectTimeoutMs: 1, listTimeoutMs: 2, callTimeoutMs: 3, maxCallMs: 4 },
      auth: {
        type: 'authorization_code',
        clientId: 'id',
        clientSecret: 's',
        issuer: 'https://login.example',
        scope: 'x',
      },
    })
  })

  test('of a program', () => {
    const { all } = read({
      connector_id: 'a',
      transport: 'stdio',
      command: 'npx',
      args: ['-y', 'x'],
      env: { KEY: 'v' },
    })
    expect(all[0]?.endpoint).toEqual({ transport: 'stdio', command: 'npx', args: ['-y', 'x'], env: { KEY: 'v' } })
  })

  test('of the first generation', () => {
    const tool_groups = [
      { toolgroup_id: 'builtin::websearch', provider_id: 'tavily-search' },
      { toolgroup_id: 'mcp::files', provider_id: 'model-context-protocol', mcp_endpoint: { uri: url } },
    ]
    const { all } = toConnectors(ConfiguredResources.parse({ tool_groups }))
    expect(all).toMatchObject([{ id: 'mcp::files', label: 'mcp::files', endpoint: { transport: 'http', url } }])
  })
})
