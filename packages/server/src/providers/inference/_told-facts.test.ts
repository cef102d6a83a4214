import { describe, expect, test } from 'vitest'
import { readToldFacts } from './_told-facts.ts'
import type { ToldFacts } from './_told-facts.ts'

const prices = { per: 'token', input: 'p.in', cachedInput: 'p.cached', output: 'p.out', reasoning: 'p.think' } as const

describe('prices', () => {
  test.each([
    [
      { in: '0.00000015', out: '0.0000006' },
      { currency: 'USD', input: 150_000, output: 600_000 },
    ],
    [
      { in: 0.000_003, cached: '0.0000003', out: 0.000_015 },
      { currency: 'USD', input: 3_000_000, cached_input: 300_000, output: 15_000_000 },
    ],
    [
      { in: '0', out: '0', cached: '0' },
      { currency: 'USD', input: 0, cached_input: 0, output: 0 },
    ],
    [
      { in: '0.000001', out: '0.000002', cached: '0', think: '0' },
      { currency: 'USD', input: 1_000_000, output: 2_000_000 },
    ],
    [{ in: '-1', out: '-1' }, undefined],
    [{ in: '0.000001' }, undefined],
    [{ in: '', out: 'free' }, undefined],
    [{ in: null, out: true }, undefined],
  ])('of %j are read as %j', (p, price) => {
    expect(readToldFacts({ p }, { price: prices }, 'llm')['price']).toEqual(price)
  })

  test('of 0 are none where the vendor means that', () => {
    const told = { price: { per: 'million', input: 'in', output: 'out', zeroIsUnknown: true } } as const
    expect(readToldFacts({ in: 0, out: 0 }, told, 'llm')).toEqual({})
    expect(readToldFacts({ in: 0.18, out: 0.18 }, told, 'llm')).toEqual({
      price: { currency: 'USD', input: 180_000, output: 180_000 },
    })
  })
})

describe('what a model reads, writes and does', () => {
  const told: ToldFacts = {
    contextLength: 'limits.context',
    maxOutputTokens: 'limits.output',
    inputs: 'reads',
    outputs: 'writes',
    tools: 'can.tools',
    structuredOutput: { at: 'parameters', has: 'json' },
    reasoning: { at: 'kind', has: 'thinker' },
  }

  test('is read where it is told', () => {
    const row = {
      limits: { context: 8192, output: 1024 },
      reads: ['TEXT', 'file', 'Image', 'smell', 'text'],
      writes: ['text', 'speech'],
      can: { tools: false },
      parameters: ['seed', 'json'],
      kind: 'thinker',
    }
    const limits = { context_length: 8192 }
    expect(readToldFacts(row, told, 'llm')).toEqual({
      ...limits,
      max_output_tokens: 1024,
      input_modalities: ['text', 'pdf', 'image'],
      output_modalities: ['text', 'audio'],
      tools: false,
      structured_output: true,
      reasoning: true,
    })
    expect(readToldFacts(row, told, 'embedding')).toEqual(limits)
  })

  test.each([
    [{}, {}],
    [{ limits: { context: 0, output: '1024' }, reads: 'text', can: { tools: 'yes' } }, {}],
    [
      { reads: ['smell'], parameters: [], kind: 'writer' },
      { structured_output: false, reasoning: false },
    ],
    [null, {}],
  ])('of %j is %j', (row, facts) => {
    expect(readToldFacts(row, told, 'llm')).toEqual(facts)
  })

  test('may be flags, one for each that is read beside text', () => {
    const flags: ToldFacts = { inputs: { image: 'sees', audio: 'hears' } }
    expect(readToldFacts({ sees: true, hears: false }, flags, 'llm')).toEqual({ input_modalities: ['text', 'image'] })
    expect(readToldFacts({ sees: false }, flags, 'llm')).toEqual({ input_modalities: ['text'] })
    expect(readToldFacts({}, flags, 'llm')).toEqual({})
  })
})
