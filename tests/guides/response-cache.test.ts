import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../packages/server/src/config/load-config.ts'
import type { StackConfig } from '../../packages/server/src/config/stack-config.ts'
import { ignoredFields } from '../../packages/server/src/services/response-cache/ignored-fields.ts'
import { createStack, servedProviderTypes } from '../../packages/server/src/stack.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const guide = readFileSync(join(root, 'docs/guides/response-cache.md'), 'utf8')
const blocks = new Map(
  [...guide.matchAll(/```yaml (\S+)\n([^]*?)```/g)].map(([, name = '', text = '']) => [name, text]),
)

const providers = `providers:
  inference:
  - {provider_id: ollama, provider_type: remote::ollama, config: {}}
`

const heads = {
  'Llama Stack': `version: 2\nimage_name: guide\n${providers}`,
  OGX: `version: 2\ndistro_name: guide\nstorage: {}\n${providers}`,
}

async function load(dialect: keyof typeof heads, block: string): Promise<StackConfig> {
  const cwd = mkdtempSync(join(tmpdir(), 'guide-'))
  try {
    writeFileSync(join(cwd, 'run.yaml'), heads[dialect] + block)
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
  expect([...blocks.keys()]).toEqual(['lifetimes', 'defaults'])
  expect(guide.match(/```yaml/g)).toHaveLength(blocks.size)
})

test('the guide names every field that does not count', () => {
  const rows = guide.split('\n').filter((line) => line.startsWith('| `'))
  const missing = Object.keys(ignoredFields).filter((field) => !rows.some((row) => row.includes(`\`${field}\``)))
  expect(missing).toEqual([])
})

describe.each(['Llama Stack', 'OGX'] as const)('in a file of %s', (dialect) => {
  test('lifetimes are understood', async () => {
    const { responseCache, notes } = await load(dialect, blocks.get('lifetimes') ?? '')
    expect(responseCache).toMatchObject({
      defaultTtlSeconds: 0,
      models: { 'ollama/all-minilm': 2_592_000, chat: 3600 },
      keys: { key_2bb80d537b1da3e3: 600 },
    })
    expect(notes.filter(({ severity }) => severity === 'unknown')).toEqual([])
  })

  test('the settings of the guide are the defaults', async () => {
    const given = await load(dialect, blocks.get('defaults') ?? '')
    expect(given.responseCache).toEqual((await load(dialect, '')).responseCache)
    expect(given.notes.filter(({ severity }) => severity === 'unknown')).toEqual([])
  })

  test('what is misspelt or no number is told', async () => {
    const { notes } = await load(dialect, 'response_cache:\n  default_ttl: 60\n')
    expect(notes).toMatchObject([{ severity: 'unknown', path: 'response_cache.default_ttl' }])
    await expect(load(dialect, 'response_cache:\n  models: {chat: forever}\n')).rejects.toMatchObject({
      code: 'config_invalid',
      details: { problem: expect.stringContaining('response_cache.models.chat') as string },
    })
  })
})
