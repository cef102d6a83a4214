import { describe, expect, test } from 'vitest'
import { explainConfig } from '../explain.ts'
import { loadConfig } from '../load-config.ts'
import type { StackConfig } from '../stack-config.ts'

/** A file with this entry, whose `compaction_config` begins in line 9. */
function load(compaction: string, id = 'builtin'): Promise<StackConfig> {
  const text = `version: 2
distro_name: test
providers:
  responses:
  - provider_id: ${id}
    provider_type: inline::builtin
    config:
      compaction_config:
${compaction}responses:
  max_turns: 7
`
  return loadConfig({
    source: 'config.yaml',
    env: {},
    cwd: '/project',
    home: '/home/ada',
    servedTypes: {},
    distributionsDir: '/shipped',
    files: {
      readText: (path) => Promise.resolve(path === '/project/config.yaml' ? text : undefined),
      list: () => Promise.resolve([]),
    },
  })
}

const lines = (...settings: readonly string[]): string => settings.map((setting) => `        ${setting}\n`).join('')

describe('compaction_config of OGX', () => {
  test('becomes the settings of compaction', async () => {
    const { responses, notes } = await load(
      lines(
        'summarization_prompt: Sum it up.',
        'summary_prefix: "Until now: "',
        'summarization_model: vendor/small',
        'default_compact_threshold: "5000"',
      ),
    )
    expect(responses).toEqual({
      maxTurns: 7,
      compaction: {
        summarizationPrompt: 'Sum it up.',
        summaryPrefix: 'Until now: ',
        summarizationModel: 'vendor/small',
        defaultCompactThreshold: 5000,
      },
    })
    expect(notes).toMatchObject([{ severity: 'substituted', provider: { api: 'responses' } }])
  })

  test('has keys that have no effect, which is said', async () => {
    const config = await load(lines('tokenizer_encoding: o200k_base', 'summarization_promt: x', 'summary_prefix: null'))
    expect(config.responses.compaction).toEqual({})
    expect(config.notes).toMatchObject([
      { severity: 'substituted', line: 5, message: expect.stringContaining('a part of this server') },
      { severity: 'substituted', line: 9, message: expect.stringContaining('tokenizer_encoding') },
      { severity: 'unknown', line: 10, fix: "Did you mean 'summarization_prompt'?" },
    ])
    expect(explainConfig(config)).toMatchObject({ providers: { listed: 1, enabled: 1, started: 1 }, unsupported: [] })
  })

  test('counts where its provider is on', async () => {
    const text = lines('summarization_model: vendor/small')
    expect((await load(text, '__disabled__')).responses.compaction).toEqual({})
    expect((await load(lines())).responses.compaction).toEqual({})
  })

  test.each(['default_compact_threshold: many', 'default_compact_threshold: 0', 'summarization_prompt: ""'])(
    'is refused at its line where it is wrong: %s',
    async (setting) => {
      const refused = {
        code: 'config_invalid',
        details: { line: 9, problem: expect.stringMatching(/compaction_config/) },
      }
      await expect(load(lines(setting))).rejects.toMatchObject(refused)
    },
  )
})
