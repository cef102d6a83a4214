import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { bug } from '@llama-stack/api'
import type { AnyProviderDefinition } from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import { toDialect } from '../../packages/server/src/providers/inference/_dialect.ts'
import type { DialectRow } from '../../packages/server/src/providers/inference/_dialect.ts'
import { defineOpenAiProvider } from '../../packages/server/src/providers/inference/_openai-provider.ts'
import { describeInferenceProvider } from '../../packages/server/src/testing/inference-conformance.ts'
import type { VendorFixture } from '../../packages/server/src/testing/inference-conformance.ts'
import { generateRegistry } from '../../tools/generate-registry.ts'
import { withStack } from '../scenarios/stack-under-test.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const guide = readFileSync(join(root, 'docs/guides/add-a-provider.md'), 'utf8')

function block(name: string): string {
  const found = new RegExp(`\`\`\`\\w+ ${name}\\n([\\s\\S]*?)\`\`\``).exec(guide)?.[1]
  return found?.replace(/^ {3}/gm, '') ?? bug(`the guide has no block ${name}`)
}

describe('a vendor by the guide', () => {
  // The row of the guide is a literal of the table; no program text is needed to read it.
  // eslint-disable-next-line typescript/no-implied-eval -- the guide is our own file
  const row = new Function(`return (${block('row')})`)() as DialectRow
  const dialect = toDialect(row)
  describeInferenceProvider({
    definition: defineOpenAiProvider(dialect),
    fixture: JSON.parse(block('fixture')) as VendorFixture,
    config: (url) => ({ base_url: url + dialect.apiPath }),
    apiPath: dialect.apiPath,
    credential: { setting: 'api_key', header: (key) => ['authorization', `Bearer ${key}`] },
  })
})

test('a provider file by the guide is found by the registry, and answers', async () => {
  const folder = join(root, '.tmp', `guide-${process.pid}`)
  const file = join(folder, 'providers/inference/parrot.ts')
  mkdirSync(dirname(file), { recursive: true })
  try {
    writeFileSync(file, block('provider'))
    expect(await generateRegistry(join(folder, 'providers'))).toContain(
      "'inline::parrot': async () => (await import('./inference/parrot.ts')).provider",
    )
    // The guide's own file declares a provider.
    const { provider } = (await import(pathToFileURL(file).href)) as { provider: AnyProviderDefinition }
    const config = { providers: [{ api: 'inference', id: 'polly', type: 'inline::parrot', config: { suffix: '!' } }] }
    await withStack({ config, more: { providers: [provider] } }, async ({ call }) => {
      const ask = { model: 'polly/grey', messages: [{ role: 'user', content: 'Hello' }] }
      const response = await call('POST /v1/chat/completions', ask)
      expect(await response.json()).toMatchObject({
        model: 'polly/grey',
        choices: [{ message: { content: 'Hello!' } }],
      })
      const unknown = await call('POST /v1/chat/completions', { ...ask, model: 'polly/green' })
      expect(unknown.status).toBe(404)
    })
    const wrong = { providers: [{ api: 'inference', id: 'polly', type: 'inline::parrot', config: { sufix: '!' } }] }
    await expect(
      withStack({ config: wrong, more: { providers: [provider] } }, async () => undefined),
    ).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('sufix') as string,
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
