import { describe, expect, test } from 'vitest'
import { dialects, loadBlock, readGuide } from './guide.ts'
import type { Dialect } from './guide.ts'

const { text: guide, blocks } = readGuide('reliability.md')

const providers = `providers:
  inference:
  - {provider_id: groq, provider_type: remote::groq, config: {api_key: k}}
  - {provider_id: together, provider_type: remote::together, config: {api_key: k}}
  - {provider_id: ollama, provider_type: remote::ollama, config: {}}
`

const load = (dialect: Dialect, block: string) => loadBlock(dialect, providers + (blocks.get(block) ?? block))

test('every block of YAML has a name', () => {
  expect([...blocks.keys()]).toEqual(['aliases', 'policy', 'per-alias', 'bounds'])
  expect(guide.match(/```yaml/g)).toHaveLength(blocks.size)
})

describe.each(dialects)('in a file of %s', (dialect) => {
  test.each([...blocks.keys()])('the block %s is understood to the last key', async (name) => {
    const config = await load(dialect, name)
    expect(config.notes.filter(({ severity }) => severity === 'unknown')).toEqual([])
  })

  test('bounds of a provider that is not there are noted', async () => {
    const { notes } = await load(dialect, 'reliability: {providers: {olama: {max_concurrent: 1}}}\n')
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
