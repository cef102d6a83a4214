import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../packages/server/src/config/load-config.ts'
import type { StackConfig } from '../../packages/server/src/config/stack-config.ts'
import { createStack, servedProviderTypes } from '../../packages/server/src/stack.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const guide = readFileSync(join(root, 'docs/guides/reliability.md'), 'utf8')
const blocks = new Map(
  [...guide.matchAll(/```yaml (\S+)\n([^]*?)```/g)].map(([, name = '', text = '']) => [name, text]),
)

const providers = `providers:
  inference:
  - {provider_id: groq, provider_type: remote::groq, config: {api_key: k}}
  - {provider_id: together, provider_type: remote::together, config: {api_key: k}}
  - {provider_id: ollama, provider_type: remote::ollama, config: {}}
`

const heads = {
  'Llama Stack': `version: 2\nimage_name: guide\n${providers}`,
  OGX: `version: 2\ndistro_name: guide\nstorage: {}\n${providers}`,
}

async function load(dialect: keyof typeof heads, block: string): Promise<StackConfig> {
  const cwd = mkdtempSync(join(tmpdir(), 'guide-'))
  try {
    writeFileSync(join(cwd, 'run.yaml'), heads[dialect] + (blocks.get(block) ?? ''))
    const servedTypes = servedProviderTypes()
    const dataDir = join(cwd, 'data')
    const distributionsDir = join(root, 'distributions')
    const input = { source: 'run.yaml', env: {}, cwd, home: cwd, servedTypes, distributionsDir, overrides: { dataDir } }
    const config = await loadConfig(input)
    // It has to start with it as well.
    await using _stack = await createStack({ config })
    return config
  } finally {
    rmSync(cwd, { recursive: true, force: true })
  }
}

test('every block of YAML has a name', () => {
  expect([...blocks.keys()]).toEqual(['aliases', 'policy', 'per-alias', 'bounds'])
  expect(guide.match(/```yaml/g)).toHaveLength(blocks.size)
})

describe.each(['Llama Stack', 'OGX'] as const)('in a file of %s', (dialect) => {
  test.each([...blocks.keys()])('the block %s is understood to the last key', async (name) => {
    const config = await load(dialect, name)
    expect(config.notes.filter(({ severity }) => severity === 'unknown')).toEqual([])
  })

  test('bounds of a provider that is not there are noted', async () => {
    blocks.set('typo', 'reliability: {providers: {olama: {max_concurrent: 1}}}\n')
    const { notes } = await load(dialect, 'typo')
    blocks.delete('typo')
    expect(notes).toMatchObject([{ path: 'reliability.providers.olama', fix: "Did you mean 'ollama'?" }])
  })

  test('the policy of the guide is the default', async () => {
    expect((await load(dialect, 'policy')).reliability).toEqual((await load(dialect, 'aliases')).reliability)
  })

  test('names and bounds say what the guide says', async () => {
    expect((await load(dialect, 'aliases')).aliases).toEqual({
      fast: 'groq/llama-3.3-70b-versatile',
      chat: {
        strategy: 'order',
        targets: [
          { model: 'groq/llama-3.3-70b-versatile', weight: 1 },
          { model: 'together/meta-llama/Llama-3.3-70B-Instruct-Turbo', weight: 1 },
          { model: 'ollama/llama3.3', weight: 2 },
        ],
      },
    })
    expect((await load(dialect, 'per-alias')).aliases?.['chat']).toMatchObject({
      retries: 0,
      hedgeAfterMs: 2000,
      continuation: true,
    })
    expect((await load(dialect, 'bounds')).reliability).toMatchObject({
      bulkhead: { maxConcurrent: 64, maxQueue: 100, queueTimeoutMs: 10_000 },
      providers: { ollama: { maxConcurrent: 2, maxQueue: 100, queueTimeoutMs: 10_000 } },
    })
  })
})
