import { isStackError } from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import { createSchemaValidators } from './schema-validators.ts'
import type { JsonSchema } from './schema-validators.ts'

const validators = createSchemaValidators()

async function faultsOf(schema: JsonSchema, value: unknown): Promise<readonly string[]> {
  return (await validators.get(schema)).faultsOf(value)
}

async function refusalOf(schema: JsonSchema): Promise<string> {
  const error: unknown = await validators.get(schema).catch((caught: unknown) => caught)
  return isStackError(error, 'invalid_value') ? error.message : `not refused: ${String(error)}`
}

const person: JsonSchema = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    age: { type: 'integer', minimum: 0 },
    mood: { enum: ['good', 'bad'] },
    friends: { type: 'array', items: { $ref: '#' } },
    mail: { type: 'string', format: 'email' },
  },
  required: ['name', 'age'],
  additionalProperties: false,
}

describe('a value', () => {
  test('that follows the schema has no faults; formats are not enforced', async () => {
    const friends = [{ name: 'Bea', age: 3 }]
    expect(await faultsOf(person, { name: 'Ada', age: 36, mood: 'good', friends, mail: 'none' })).toEqual([])
  })

  test('is told all its faults in words', async () => {
    expect(await faultsOf(person, { age: -1.5, mood: 'so-so', shoe: 1, friends: [{ name: 'Bea' }] })).toEqual([
      "the value must have required property 'name'",
      "the value must not have the property 'shoe'",
      "'/age' must be integer",
      "'/age' must be >= 0",
      '\'/mood\' must be equal to one of the allowed values: ["good","bad"]',
      "'/friends/0' must have required property 'age'",
    ])
  })

  test('with many faults is told the first ones', async () => {
    const faults = await faultsOf(
      { type: 'array', items: { type: 'string' } },
      Array.from({ length: 50 }, () => 1),
    )
    expect(faults).toHaveLength(11)
    expect(faults.at(-1)).toBe('and 40 more')
  })
})

describe('a schema', () => {
  test('may be of draft 2020-12 or draft-07, named or not', async () => {
    const pair = { type: 'array', prefixItems: [{ type: 'string' }, { type: 'number' }], items: false }
    expect(await faultsOf(pair, ['a', 'b'])).toEqual(["'/1' must be number"])
    const older = { definitions: { name: { type: 'string' } }, items: [{ $ref: '#/definitions/name' }] }
    expect(await faultsOf({ ...older, $schema: 'http://json-schema.org/draft-07/schema#' }, [1])).toEqual([
      "'/0' must be string",
    ])
    expect(await faultsOf(older, [1])).toEqual(["'/0' must be string"])
  })

  test('may have keywords that nobody knows, and an id that another has', async () => {
    const id = 'https://example.com/same'
    expect(await faultsOf({ $id: id, type: 'string', 'x-order': 1 }, 'a')).toEqual([])
    expect(await faultsOf({ $id: id, type: 'number' }, 'a')).toEqual(['the value must be number'])
  })

  test('cannot take the place of the draft’s own', async () => {
    const id = 'https://json-schema.org/draft/2020-12/schema'
    await refusalOf({ $id: id, type: 'string' })
    await refusalOf({ $id: 5 })
    await refusalOf({ $defs: { a: { $id: id } } })
    expect(await faultsOf({ $schema: id, type: 'string' }, 1)).toEqual(['the value must be string'])
    expect(await refusalOf({ type: 'strnig' })).toContain('must be equal')
  })

  test('that refers to other documents is refused, and nothing is fetched', async () => {
    expect(await refusalOf({ $ref: 'https://example.com/schema.json' })).toContain("can't resolve reference")
  })

  test('that is none is refused', async () => {
    expect(await refusalOf({ type: 'strnig' })).toContain('must be equal to one of the allowed values')
    expect(await refusalOf({ type: 'string', pattern: '(' })).toContain('text.format.schema')
  })

  test('that is too large or too deep is refused', async () => {
    expect(await refusalOf({ description: 'x'.repeat(600_000) })).toContain('524288 characters')
    let deep: JsonSchema = { type: 'string' }
    for (let level = 0; level < 20_000; level += 1) deep = { not: deep }
    expect(await refusalOf(deep)).toContain('text.format.schema')
  })

  test('with a pattern that never ends is given up in time', async () => {
    const started = performance.now()
    const schema = { type: 'string', pattern: '^(a+)+$' }
    expect(await faultsOf(schema, 'aaaa')).toEqual([])
    expect(await faultsOf(schema, 'b')).toEqual(['the value must match pattern "^(a+)+$"'])
    expect(await faultsOf(schema, `${'a'.repeat(60)}b`)).toEqual([
      'the value could not be checked in time: a pattern of the schema is too slow',
    ])
    expect(performance.now() - started).toBeLessThan(15_000)
  })
})

test('validators are kept by what the schema says, as many as are of use', async () => {
  const kept = createSchemaValidators()
  const first = await kept.get({ type: 'string' })
  expect(await kept.get({ type: 'string' })).toBe(first)
  for (let index = 0; index < 70; index += 1) {
    // One after the other, so that the first is the oldest.
    // eslint-disable-next-line no-await-in-loop
    await kept.get({ const: index })
  }
  expect(await kept.get({ type: 'string' })).not.toBe(first)
})
