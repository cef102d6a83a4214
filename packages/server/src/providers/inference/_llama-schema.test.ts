import { describe, expect, test } from 'vitest'
import { toGrammarSchema } from './_llama-schema.ts'

const convert = (schema: unknown) => toGrammarSchema(schema, 'schema')
const text = { type: 'string' }

describe('a schema as a grammar', () => {
  test('keeps objects, lists, enums, constants and descriptions', () => {
    const schema = {
      type: 'object',
      description: 'A parcel',
      properties: {
        kind: { enum: ['box', null, 3] },
        tag: { const: 'x' },
        sizes: { type: 'array', items: { type: 'integer' }, minItems: 1, maxItems: 3 },
        pair: { type: 'array', prefixItems: [text, { type: 'number' }] },
        sent: { type: 'string', format: 'date-time' },
      },
      additionalProperties: false,
    }
    expect(convert(schema)).toEqual({
      type: 'object',
      description: 'A parcel',
      properties: schema.properties,
    })
  })

  test('writes one of several types as alternatives', () => {
    expect(convert({ type: ['string', 'null'], maxLength: 4 })).toEqual({
      oneOf: [{ type: 'string', maxLength: 4 }, { type: 'null' }],
    })
    expect(convert({ anyOf: [text, { type: 'boolean' }] })).toEqual({ oneOf: [text, { type: 'boolean' }] })
  })

  test('leaves open what is open', () => {
    const object = { type: 'object', additionalProperties: true }
    expect(convert({ type: 'object' })).toEqual(object)
    expect(convert({ type: 'object', properties: {} })).toEqual({ type: 'object', properties: {} })
    expect(convert({ type: 'object', additionalProperties: { type: 'number' } })).toEqual({
      type: 'object',
      properties: {},
      additionalProperties: { type: 'number' },
    })
    expect(convert({})).toEqual({
      oneOf: [{ type: ['string', 'number', 'boolean', 'null'] }, object, { type: 'array' }],
    })
  })

  test('does not enforce what only narrows', () => {
    expect(convert({ type: 'string', pattern: '^a+$' })).toEqual(text)
    expect(convert({ type: 'integer', minimum: 1, maximum: 5 })).toEqual({ type: 'integer' })
    // A grammar of a million repetitions takes longer than the text.
    expect(convert({ type: 'string', maxLength: 1_000_000 })).toEqual(text)
  })

  test('follows references within it, whatever they are called', () => {
    expect(
      convert({
        type: 'object',
        properties: { a: { $ref: '#/definitions/the~1thing' }, b: { $ref: '#/definitions/the~1thing' } },
        definitions: { 'the/thing': text },
      }),
    ).toEqual({
      type: 'object',
      properties: { a: { $ref: '#/$defs/d0' }, b: { $ref: '#/$defs/d0' } },
      $defs: { d0: text },
    })
  })

  test('leaves out optional properties that would never end', () => {
    const node = { type: 'object', properties: { value: text, next: { $ref: '#/$defs/node' } }, required: ['value'] }
    expect(convert({ $ref: '#/$defs/node', $defs: { node } })).toEqual({
      $ref: '#/$defs/d0',
      $defs: { d0: { type: 'object', properties: { value: text } } },
    })
    const tree = { type: 'object', properties: { children: { type: 'array', items: { $ref: '#' } } } }
    expect(convert(tree)).toMatchObject({ properties: { children: { items: { $ref: '#/$defs/d0' } } } })
    expect(convert({ type: 'object', properties: { value: text, parent: { $ref: '#' } } })).toEqual({
      type: 'object',
      properties: { value: text },
    })
  })

  test('joins plain schemas', () => {
    const part = (name: string) => ({ type: 'object', properties: { [name]: text }, required: [name] })
    expect(convert({ allOf: [part('a'), { $ref: '#/$defs/b' }], $defs: { b: part('b') } })).toEqual({
      type: 'object',
      properties: { a: text, b: text },
    })
  })

  test.each([
    [{ not: text }, /'not'/],
    [{ type: 'object', properties: { a: { if: text } } }, /'if'.*#\/properties\/a/],
    [{ $ref: 'https://schemas.example/a' }, /is not within this schema/],
    [{ $ref: '#/$defs/absent' }, /is not within this schema/],
    [{ enum: [{ a: 1 }] }, /only texts, numbers/],
    [{ type: 'colour' }, /there is no type "colour"/],
    [{ allOf: [{ anyOf: [text] }] }, /plain schemas/],
    ['text', /no schema/],
    [{ type: 'array', items: { type: 'object', properties: { a: false } } }, /no schema/],
  ])('refuses %j', (schema, message) => {
    expect(() => convert(schema)).toThrow(
      expect.objectContaining({ code: 'invalid_value', param: 'schema', message: expect.stringMatching(message) }),
    )
  })
})
