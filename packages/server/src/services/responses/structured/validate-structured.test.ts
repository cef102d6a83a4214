import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findJson } from './found-json.ts'
import { createSchemaValidators } from './schema-validators.ts'
import { validateStructured } from './validate-structured.ts'

const validator = await createSchemaValidators().get({
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
})

describe('the answer', () => {
  test.each([
    ['alone', '{"city":"Oslo"}'],
    ['in a fence', 'Here you are:\n```json\n{"city":"Oslo"}\n```\nAnything else?'],
    ['in a sentence', 'The answer is {"city":"Oslo"}, I think.'],
    ['after thoughts', '<think>Maybe {x} or [1, 2]?</think>\n{"city":"Oslo"}'],
    ['after an example that does not follow', 'Not {"town":"Oslo"} but {"city":"Oslo"}.'],
  ])('is found %s', (_, text) => {
    expect(validateStructured(validator, text)).toEqual({ ok: true, value: { city: 'Oslo' }, text: '{"city":"Oslo"}' })
  })

  test('that does not follow the schema is told what is wrong with the first that it could be', () => {
    const verdict = validateStructured(validator, 'Well: {"town":"Oslo"} or {"city":1}')
    const errors = ["the value must have required property 'city'"]
    expect(verdict).toEqual({ ok: false, errors, text: '{"town":"Oslo"}' })
  })

  test('that is no JSON is said to be none', () => {
    expect(validateStructured(validator, '{"city":"Os')).toMatchObject({ errors: ['the reply is not valid JSON'] })
    expect(validateStructured(validator, ' ')).toMatchObject({ errors: ['the reply is empty'] })
  })
})

test('any object is found behind any words without braces', () => {
  const words = fc.string().filter((text) => !/[[\]{}"`]/.test(text))
  const values = fc.dictionary(fc.string(), fc.jsonValue())
  fc.assert(
    fc.property(words, values, words, (before, value, after) => {
      const json = JSON.stringify(value)
      fc.pre(Number.isNaN(Number(before + json + after)))
      expect(findJson(before + json + after).next().value).toEqual({ text: json, value: JSON.parse(json) as unknown })
    }),
  )
})

test('texts of braces do not take long', () => {
  const started = performance.now()
  expect([...findJson('{"'.repeat(200_000))]).toEqual([])
  expect([...findJson('['.repeat(500_000))]).toEqual([])
  expect(performance.now() - started).toBeLessThan(15_000)
})
