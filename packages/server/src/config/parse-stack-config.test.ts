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
