import { expect, test } from 'vitest'
import { readCompactionSettings } from './compaction-config.ts'

test('nothing configured means the defaults', () => {
  expect(readCompactionSettings(undefined)).toEqual({})
  expect(readCompactionSettings(null)).toEqual({})
  expect(readCompactionSettings({ summary_prefix: null })).toEqual({})
})

test('upstream’s keys are read', () => {
  const config = {
    summarization_prompt: 'Sum it up.',
    summary_prefix: 'Until now: ',
    summarization_model: 'vendor/small',
    default_compact_threshold: 5000,
    tokenizer_encoding: 'o200k_base',
  }
  expect(readCompactionSettings(config)).toEqual({
    summarizationPrompt: 'Sum it up.',
    summaryPrefix: 'Until now: ',
    summarizationModel: 'vendor/small',
    defaultCompactThreshold: 5000,
  })
})

test.each([{ default_compact_threshold: 'many' }, { summarization_prompt: '' }, 'on'])(
  'what is wrong is named: %j',
  (config) => {
    expect(() => readCompactionSettings(config)).toThrow(expect.objectContaining({ code: 'config_invalid' }))
  },
)
