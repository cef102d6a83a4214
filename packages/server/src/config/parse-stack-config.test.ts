import { isStackError } from '@llama-stack/api'
import { expect, test } from 'vitest'
import { createStack } from '../stack.ts'
import { parseStackConfig } from './parse-stack-config.ts'

const storage = { sql: { type: 'sqlite' as const, path: ':memory:' } }

test('settings that are right are filled in', () => {
  const config = parseStackConfig({ name: 'mine', dataDir: '/tmp/data', storage, providers: [] })
  expect(config).toMatchObject({ name: 'mine', models: [], inferenceStore: { enabled: true } })
})

test('a stack with wrong settings is refused with every place that is wrong', async () => {
  const wrong = { name: 'mine', dataDir: 7, storage, providers: [{ api: 'inference', id: 'a' }] }
  // As a program without types would give it.
  const refused = await createStack({ config: wrong as never }).catch((error: unknown) => error)
  expect(isStackError(refused, 'config_invalid') && refused.details).toMatchObject({
    problem: 'config.providers[0].type is missing.',
    others: [{ problem: 'config.dataDir is 7, not of type string.' }],
  })
})

test.each([
  ['an address', { connector_id: 'a', url: 'ftp://mcp.example/4711' }],
  ['a header', { connector_id: 'a', url: 'https://mcp.example', headers: { 'x-key': 4711 } }],
  ['an argument', { connector_id: 'a', transport: 'stdio', command: 'x', args: [4711] }],
  ['a variable', { connector_id: 'a', transport: 'stdio', command: 'x', env: { KEY: 4711 } }],
  ['a token', { connector_id: 'a', url: 'https://mcp.example', auth: { type: 'bearer', token: 4711 } }],
])('%s that is wrong is not repeated: it may be a secret', (_what, connector) => {
  const wrong = { name: 'mine', dataDir: '/tmp/data', storage, resources: { connectors: [connector] } }
  let refused: unknown
  try {
    // As a program without types would give it.
    parseStackConfig(wrong as never)
  } catch (error) {
    refused = error
  }
  expect(isStackError(refused, 'config_invalid') && refused.details.problem).toContain('connectors[0]')
  expect(JSON.stringify(isStackError(refused, 'config_invalid') && refused.details)).not.toContain('4711')
})
