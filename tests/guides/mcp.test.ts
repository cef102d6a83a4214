import { describe, expect, test } from 'vitest'
import { toConnectors } from '../../packages/server/src/configured-connectors.ts'
import { dialects, loadBlock, readGuide } from './guide.ts'

const { text: guide, blocks } = readGuide('mcp.md')

test('every block of YAML has a name', () => {
  expect([...blocks.keys()]).toEqual(['connectors', 'defaults'])
  expect(guide.match(/```yaml/g)).toHaveLength(blocks.size)
})

test('the connectors of the guide are understood', async () => {
  const { resources, notes } = await loadBlock('OGX', blocks.get('connectors') ?? '')
  const { all } = toConnectors(resources)
  expect(all.map(({ id, auth, endpoint }) => [id, auth.type, endpoint.transport])).toEqual([
    ['wiki', 'none', 'http'],
    ['tickets', 'bearer', 'http'],
    ['calendar', 'authorization_code', 'http'],
    ['files', 'none', 'stdio'],
  ])
  expect(notes.filter(({ severity }) => severity === 'unknown')).toEqual([])
})

test('a tool group with an endpoint is a connector', async () => {
  const groups = 'tool_groups:\n- {toolgroup_id: mcp::wiki, mcp_endpoint: {uri: "https://wiki.example/mcp"}}\n'
  const { resources } = await loadBlock('Llama Stack', groups)
  expect(toConnectors(resources).all).toMatchObject([{ id: 'mcp::wiki' }])
})

describe.each(dialects)('in a file of %s', (dialect) => {
  test('the settings of the guide are the defaults', async () => {
    const given = await loadBlock(dialect, blocks.get('defaults') ?? '')
    expect(given.mcp).toEqual((await loadBlock(dialect, '')).mcp)
    expect(given.notes.filter(({ severity }) => severity === 'unknown')).toEqual([])
  })
})
