import { ModelFacts } from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import { publishedModels } from './model-facts-table.ts'
import { findPublishedFacts } from './published-facts.ts'

describe('the table', () => {
  test('has every name once for each vendor, in lower case and without a date', () => {
    const keys = publishedModels.flatMap(({ vendor, names }) => names.map((name) => `${vendor} ${name}`))
    expect(new Set(keys).size).toBe(keys.length)
    expect(keys.filter((key) => key !== key.toLowerCase())).toEqual([])
  })

  test('says of every row when and where it was read', () => {
    for (const { source } of publishedModels) {
      expect(source.asOf).toMatch(/^20\d\d-\d\d-\d\d$/)
      expect(source.note).not.toBe('')
    }
  })

  test('has rows that are facts, priced in whole millionths', () => {
    for (const { vendor, names, dollars } of publishedModels) {
      for (const name of names) {
        const facts = findPublishedFacts(vendor, name)?.facts
        expect(ModelFacts.parse(facts)).toEqual(facts)
        expect(facts?.price === undefined).toBe(dollars === undefined)
        expect(facts?.max_output_tokens ?? 0).toBeLessThanOrEqual(facts?.context_length ?? Infinity)
      }
    }
  })
})

describe('a name', () => {
  test.each([
    ['openai', 'gpt-4o', 128_000, 16_384],
    ['openai', 'gpt-4o-2024-11-20', 128_000, 16_384],
    ['openai', 'gpt-4o-2024-05-13', 128_000, 4096],
    ['openai', 'GPT-4o-mini-2024-07-18', 128_000, 16_384],
    ['anthropic', 'claude-3-5-sonnet-20241022', 200_000, 8192],
    ['anthropic', 'claude-3-5-sonnet-latest', 200_000, 8192],
    ['bedrock', 'us.anthropic.claude-3-5-sonnet-20241022-v2:0', 200_000, 8192],
    ['bedrock', 'anthropic.claude-3-haiku-20240307-v1:0', 200_000, 4096],
    ['vertexai', 'anthropic/claude-opus-4-5@20251101', 200_000, 64_000],
    ['vertexai', 'publishers/google/models/gemini-2.0-flash-001', 1_048_576, 8192],
    ['gemini', 'models/gemini-2.5-pro', 1_048_576, 65_536],
    ['groq', 'openai/gpt-oss-120b', 131_072, 65_536],
  ])('of %s, %s, is found', (...row) => {
    const [catalog, name, contextLength, maxOutputTokens] = row
    expect(findPublishedFacts(catalog, name)?.facts).toMatchObject({
      context_length: contextLength,
      max_output_tokens: maxOutputTokens,
    })
  })

  test.each([
    ['openai', 'gpt-4o-audio-preview'],
    ['openai', 'gpt-4-32k'],
    ['openai', 'ft:gpt-4o:me::1'],
    ['openai', 'claude-3-haiku'],
    ['cerebras', 'gpt-oss-120b'],
    ['gemini', 'gemini-2.5-flash-image'],
    ['openai', 'constructor'],
    ['openai', ''],
  ])('of %s, %s, is not taken for another', (catalog, name) => {
    expect(findPublishedFacts(catalog, name)).toBeUndefined()
  })

  test('has a price at its own vendor only', () => {
    expect(findPublishedFacts('anthropic', 'claude-3-haiku')?.facts.price).toEqual({
      currency: 'USD',
      input: 250_000,
      cached_input: 30_000,
      output: 1_250_000,
    })
    expect(findPublishedFacts('bedrock', 'claude-3-haiku')?.facts).not.toHaveProperty('price')
  })

  test('tells how much may be asked for, where that is more than usual', () => {
    expect(findPublishedFacts('anthropic', 'claude-sonnet-4-5')).toMatchObject({
      facts: { context_length: 200_000 },
      upTo: 1_000_000,
    })
    expect(findPublishedFacts('anthropic', 'claude-haiku-4-5')?.upTo).toBe(200_000)
    // Such a name may stand for another model tomorrow.
    for (const [vendor, name] of [
      ['anthropic', 'claude-3-5-sonnet-latest'],
      ['deepseek', 'deepseek-chat'],
    ] as const) {
      expect(findPublishedFacts(vendor, name)).toMatchObject({ upTo: undefined })
    }
  })
})
