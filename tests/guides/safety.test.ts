import { describe, expect, test } from 'vitest'
import { dialects, loadBlock, readGuide } from './guide.ts'
import type { Dialect } from './guide.ts'

const { text: guide, blocks } = readGuide('safety.md')

/** Where the second dialect has its shields. */
const inDialect = (dialect: Dialect, block: string): string =>
  dialect === 'OGX'
    ? block.replace(
        /^shields:\n([^]*)$/m,
        (_, list: string) => `registered_resources:\n  shields:\n${list.replaceAll(/^/gm, '  ')}\n`,
      )
    : block

const load = (dialect: Dialect, name: string) => loadBlock(dialect, inDialect(dialect, blocks.get(name) ?? ''))

test('every block of YAML has a name', () => {
  expect([...blocks.keys()]).toEqual(['rules', 'model'])
  expect(guide.match(/```yaml/g)).toHaveLength(blocks.size)
})

describe.each(dialects)('in a file of %s', (dialect) => {
  test('a shield made of rules starts with every setting of the guide', async () => {
    const { providers, resources, notes } = await load(dialect, 'rules')
    expect(providers).toMatchObject([{ api: 'safety', type: 'inline::rules', config: { pii: { email: 'warn' } } }])
    expect(resources.shields).toMatchObject([{ shield_id: 'house' }, { shield_id: 'strict', params: { pii: true } }])
    expect(notes).toEqual([])
  })

  test('a shield that is a model starts', async () => {
    const { resources, notes } = await load(dialect, 'model')
    expect(resources.shields).toMatchObject([{ provider_shield_id: 'ollama/llama-guard3:1b' }])
    expect(notes).toEqual([])
  })
})
