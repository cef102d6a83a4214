import { describe, expect, test } from 'vitest'
import { ignoredFields } from '../../packages/server/src/services/response-cache/ignored-fields.ts'
import { dialects, loadBlock, readGuide } from './guide.ts'
import type { Dialect } from './guide.ts'

const { text: guide, blocks } = readGuide('response-cache.md')

const providers = `providers:
  inference:
  - {provider_id: ollama, provider_type: remote::ollama, config: {}}
`

const load = (dialect: Dialect, block: string) => loadBlock(dialect, providers + block)

test('every block of YAML has a name', () => {
  expect([...blocks.keys()]).toEqual(['lifetimes', 'defaults'])
  expect(guide.match(/```yaml/g)).toHaveLength(blocks.size)
})

test('the guide names every field that does not count', () => {
  const rows = guide.split('\n').filter((line) => line.startsWith('| `'))
  const missing = Object.keys(ignoredFields).filter((field) => !rows.some((row) => row.includes(`\`${field}\``)))
  expect(missing).toEqual([])
})

describe.each(dialects)('in a file of %s', (dialect) => {
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
