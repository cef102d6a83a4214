import { isStackError } from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import { loadConfig } from '../load-config.ts'
import { ConfiguredResources } from '../stack-config.ts'
import type { StackConfig } from '../stack-config.ts'

const OGX = 'version: 2\ndistro_name: test\n'
const LLAMA_STACK = 'version: 2\nimage_name: test\n'

function load(text: string): Promise<StackConfig> {
  return loadConfig({
    source: 'config.yaml',
    env: {},
    cwd: '/project',
    home: '/home/ada',
    servedTypes: { tool_runtime: ['remote::tavily-search'] },
    distributionsDir: '/shipped',
    files: {
      readText: (path) => Promise.resolve(path === '/project/config.yaml' ? text : undefined),
      list: () => Promise.resolve([]),
    },
  })
}

async function faultsOf(text: string) {
  const error: unknown = await load(text).catch((reason: unknown) => reason)
  if (!isStackError(error, 'config_invalid')) throw new TypeError('it was not refused', { cause: error })
  const { others = [], ...first } = error.details
  return [first, ...others]
}

/** Connectors, one a line, from line 4 on. */
const connectors = (...entries: readonly object[]): string =>
  `${OGX}connectors:\n${entries.map((entry) => `- ${JSON.stringify(entry)}\n`).join('')}`

const url = 'https://mcp.example/mcp'
const good = { connector_id: 'good', url }

describe('connectors', () => {
  test('are kept, and nothing has to be said of them', async () => {
    const { resources, notes } = await load(connectors(good, { ...good, connector_id: 'b', headers: null }))
    expect(resources.connectors).toMatchObject([good, { connector_id: 'b', headers: {} }])
    expect(notes).toEqual([])
  })

  test.each<[string, Record<string, unknown>, string]>([
    ['without an id', { url }, 'connector_id'],
    ['without an address', { connector_id: 'a' }, 'url'],
    ['of a file', { connector_id: 'a', url: 'file:///etc/passwd' }, 'url'],
    ['with a key that nobody knows', { connector_id: 'a', url, ulr: url }, 'ulr'],
    [
      'of a program, with a login',
      { connector_id: 'a', transport: 'stdio', command: 'x', auth: { type: 'forward' } },
      'auth',
    ],
    ['of an unknown transport', { connector_id: 'a', url, transport: 'pigeon' }, 'transport'],
    ['of an unknown kind', { connector_id: 'a', url, auth: { type: 'magic' } }, 'auth.type'],
    [
      'with a secret for anybody',
      { connector_id: 'a', url, auth: { type: 'client_credentials', client_id: 'i', client_secret: 'TOP' } },
      'auth.issuer',
    ],
    [
      'with a secret for any login server',
      { connector_id: 'a', url, auth: { type: 'authorization_code', client_secret: 'TOP' } },
      'issuer',
    ],
    ['with a password in what is no address', { connector_id: 'a', url: 'ftp://me:TOP@mcp.example' }, 'url'],
    ['with a header that is no text', { connector_id: 'a', url, headers: { 'x-key': ['TOP'] } }, 'headers.x-key'],
  ])('%s are refused at their line', async (_name, entry, words) => {
    const [fault, ...others] = await faultsOf(connectors(good, entry))
    expect(others).toEqual([])
    expect(fault).toMatchObject({ line: 5, problem: expect.stringContaining(`connectors[1]`) })
    expect(fault?.problem).toContain(words)
    expect(`${fault?.problem}${fault?.fix}`).not.toContain('TOP')
  })

  test('that are wrong are all reported', async () => {
    const found = await faultsOf(connectors({ url }, good, { connector_id: 'c' }))
    expect(found.map(({ line }) => line)).toEqual([4, 6])
  })

  test('that are there twice are refused', async () => {
    expect(await faultsOf(connectors(good, good))).toMatchObject([
      { line: 5, problem: "There is another connector 'good' before this one." },
    ])
    expect(() => ConfiguredResources.parse({ connectors: [good, good] })).toThrow("there is another connector 'good'")
  })
})

describe('tool groups', () => {
  test('that are no MCP servers are left alone', async () => {
    const groups = 'tool_groups:\n- {toolgroup_id: builtin::websearch, provider_id: tavily-search}\n'
    expect((await load(LLAMA_STACK + groups)).resources.tool_groups).toHaveLength(1)
  })

  test('with an address that is none are refused at their line', async () => {
    const groups =
      'tool_groups:\n- {toolgroup_id: a, provider_id: ""}\n- {toolgroup_id: b, mcp_endpoint: {uri: nowhere}}\n'
    expect(await faultsOf(LLAMA_STACK + groups)).toMatchObject([
      { line: 5, problem: expect.stringContaining('tool_groups[1].mcp_endpoint.uri') },
    ])
  })

  test('are told from connectors by their ids', async () => {
    const groups = `registered_resources:\n  tool_groups:\n  - {toolgroup_id: good, mcp_endpoint: {uri: "${url}"}}\n`
    expect(await faultsOf(connectors(good) + groups)).toMatchObject([
      { line: 7, problem: "There is another connector 'good' before this one." },
    ])
  })
})

test.each([
  ['mcp', 'call_timeout_ms: 86400001'],
  ['responses', 'max_time_ms: 2147483648'],
  ['response_cache', 'default_ttl_seconds: 31536001'],
])('the block %s is refused at its line where a number is too large', async (block, setting) => {
  expect(await faultsOf(`${OGX}${block}:\n  ${setting}\n`)).toMatchObject([{ line: 4 }])
})
