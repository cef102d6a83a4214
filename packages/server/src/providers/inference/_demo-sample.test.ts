import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { samplePattern } from './_demo-pattern.ts'
import { seedRandom } from './_demo-random.ts'
import { sampleSchema } from './_demo-sample.ts'

type JsonSchema = Record<string, unknown>

/** What is wrong with a value. Zod's reading of JSON Schema is the judge: it shares no code with the sampler. */
function faults(schema: JsonSchema, value: unknown): string | undefined {
  const { error } = z.fromJSONSchema(structuredClone(schema)).safeParse(value)
  return error && `${JSON.stringify(value)} for ${JSON.stringify(schema)}: ${z.prettifyError(error)}`
}

const bounds = (low: string, high: string, range: { min: number; max: number }) =>
  fc
    .tuple(fc.integer(range), fc.nat({ max: 20 }), fc.boolean(), fc.boolean())
    .map(([from, width, hasLow, hasHigh]) => ({
      ...(hasLow ? { [low]: from } : {}),
      ...(hasHigh ? { [high]: from + width } : {}),
    }))

const scalar: fc.Arbitrary<JsonSchema> = fc.oneof(
  bounds('minimum', 'maximum', { min: -1000, max: 1000 }).map((limits) => ({ type: 'integer', ...limits })),
  bounds('minimum', 'maximum', { min: -1000, max: 1000 }).map((limits) => ({ type: 'number', ...limits })),
  bounds('minLength', 'maxLength', { min: 0, max: 80 }).map((limits) => ({ type: 'string', ...limits })),
  fc
    .integer({ min: -50, max: 50 })
    .map((low) => ({ type: 'number', exclusiveMinimum: low, exclusiveMaximum: low + 1 })),
  fc.integer({ min: 1, max: 30 }).map((multipleOf) => ({ type: 'integer', minimum: 1, multipleOf })),
  fc
    .uniqueArray(fc.oneof(fc.string({ minLength: 1 }), fc.integer()), { minLength: 1, maxLength: 4 })
    .map((values) => ({ enum: values })),
  fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null)).map((value) => ({ const: value })),
  fc
    .constantFrom('date', 'date-time', 'email', 'uuid', 'ipv4', 'ipv6', 'uri')
    .map((format) => ({ type: 'string', format })),
  fc
    .constantFrom(
      '^[A-Z]{2}-\\d{4}$',
      '^(foo|bar)+$',
      '^\\w+@\\w+\\.com$',
      '^[^a-z]{3,5}$',
      '^#[0-9a-fA-F]{6}$',
      '^v\\d+(\\.\\d+){2}$',
    )
    .map((pattern) => ({ type: 'string', pattern })),
  fc.constant({ type: 'boolean' }),
  fc.constant({ type: ['string', 'null'] }),
)

const named = fc.string({ minLength: 1, maxLength: 6 }).filter((name) => name !== '__proto__')

const { schema: anySchema } = fc.letrec<{
  schema: JsonSchema
  object: JsonSchema
  array: JsonSchema
  choice: JsonSchema
}>((tie) => ({
  object: fc
    .tuple(fc.dictionary(named, tie('schema'), { maxKeys: 4, noNullPrototype: true }), fc.boolean(), fc.nat())
    .map(([properties, closed, some]) => ({
      type: 'object',
      properties,
      required: Object.keys(properties).filter((_, index) => (some >> index) % 2 === 0),
      ...(closed ? { additionalProperties: false } : {}),
    })),
  array: fc
    .tuple(tie('schema'), fc.nat({ max: 4 }), fc.nat({ max: 4 }), fc.boolean())
    .map(([items, least, more, limited]) => ({
      type: 'array',
      items,
      minItems: least,
      ...(limited ? { maxItems: least + more } : {}),
    })),
  choice: fc
    .tuple(fc.array(tie('schema'), { minLength: 1, maxLength: 3 }), fc.boolean())
    .map(([branches, nullable]) => ({ anyOf: nullable ? [...branches, { type: 'null' }] : branches })),
  schema: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'schema' },
    { arbitrary: scalar, weight: 3 },
    tie('object'),
    tie('array'),
    tie('choice'),
  ),
}))

describe('a sample', () => {
  it('is valid for every schema', () => {
    fc.assert(
      fc.property(anySchema, fc.lorem(), (schema, prompt) => {
        expect(faults(schema, sampleSchema(schema, prompt))).toBeUndefined()
      }),
      { numRuns: 300 },
    )
  })

  it('is the same for the same prompt, and another for another variant', () => {
    const schema = {
      type: 'object',
      properties: {
        name: { type: 'string' },
        size: { type: 'integer' },
        tags: { type: 'array', items: { type: 'string' } },
      },
    }
    expect(sampleSchema(schema, 'a prompt about trees')).toEqual(sampleSchema(schema, 'a prompt about trees'))
    expect(sampleSchema(schema, 'a prompt about trees', 1)).not.toEqual(sampleSchema(schema, 'a prompt about trees'))
  })

  it('takes from the prompt what fits', () => {
    const schema = {
      type: 'object',
      properties: {
        city: { type: 'string' },
        guests: { type: 'integer', minimum: 1, maximum: 8 },
        room: { enum: ['single', 'double', 'suite'] },
        arrival: { type: 'string', format: 'date' },
      },
    }
    expect(sampleSchema(schema, 'Book a suite in Lisbon for 3 people on 2026-05-04')).toEqual({
      city: 'Lisbon',
      guests: 3,
      room: 'suite',
      arrival: '2026-05-04',
    })
  })

  it.each<[string, JsonSchema]>([
    [
      'references',
      {
        $ref: '#/$defs/a~1b',
        $defs: {
          'a/b': { type: 'object', properties: { x: { $ref: '#/$defs/n' } }, required: ['x'] },
          n: { type: 'integer', minimum: 7 },
        },
      },
    ],
    [
      'optional recursion',
      {
        type: 'object',
        properties: { value: { type: 'integer' }, next: { anyOf: [{ $ref: '#' }, { type: 'null' }] } },
        required: ['value', 'next'],
        additionalProperties: false,
      },
    ],
    [
      'recursion through lists',
      {
        $ref: '#/$defs/node',
        $defs: {
          node: {
            type: 'object',
            properties: { name: { type: 'string' }, children: { type: 'array', items: { $ref: '#/$defs/node' } } },
            required: ['name', 'children'],
          },
        },
      },
    ],
    [
      'one of several objects',
      {
        oneOf: [
          { type: 'object', properties: { kind: { const: 'a' }, n: { type: 'integer' } }, required: ['kind', 'n'] },
          { type: 'object', properties: { kind: { const: 'b' } }, required: ['kind'] },
        ],
      },
    ],
    [
      'all of several objects',
      {
        allOf: [
          { type: 'object', properties: { a: { type: 'string', minLength: 3 } }, required: ['a'] },
          {
            type: 'object',
            properties: { a: { type: 'string', maxLength: 5 }, b: { type: 'number', minimum: 2 } },
            required: ['b'],
          },
        ],
      },
    ],
    ['open maps', { type: 'object', additionalProperties: { type: 'integer', minimum: 3 } }],
    ['tuples', { type: 'array', prefixItems: [{ type: 'string' }, { type: 'integer' }], items: false }],
    ['fractions of ten', { type: 'number', minimum: 0, maximum: 1, multipleOf: 0.1 }],
    ['safe integers', { type: 'integer', minimum: -9007199254740991, maximum: 9007199254740991 }],
    ['long texts', { type: 'string', minLength: 300 }],
    ['open patterns', { type: 'string', pattern: '^[a-z]+$', minLength: 12 }],
    [
      'a property called __proto__',
      JSON.parse(
        '{"type":"object","properties":{"__proto__":{"type":"integer"},"a":{"type":"string"}},"required":["a"]}',
      ) as JsonSchema,
    ],
  ])('follows %s', (_, schema) => {
    const value = sampleSchema(schema, 'List the planets near the sun')
    expect(faults(schema, value)).toBeUndefined()
    expect(value).not.toBeNull()
  })

  it('holds what zod writes', () => {
    const shape = z.strictObject({
      id: z.uuid(),
      email: z.email(),
      at: z.iso.datetime(),
      score: z.number().min(0).max(1),
      level: z.enum(['low', 'high']).nullable(),
      parts: z.array(z.object({ title: z.string().min(1).max(20), count: z.int().positive() })).min(2),
      extra: z.record(z.string(), z.boolean()),
      choice: z.discriminatedUnion('type', [
        z.object({ type: z.literal('x'), a: z.int() }),
        z.object({ type: z.literal('y') }),
      ]),
    })
    for (let variant = 0; variant < 20; variant += 1) {
      const sample = sampleSchema(z.toJSONSchema(shape), 'Describe the quarterly numbers', variant)
      expect(shape.safeParse(sample).error).toBeUndefined()
    }
  })

  it('gives different items where they have to differ', () => {
    const colours = ['red', 'green', 'blue']
    expect(
      sampleSchema({ type: 'array', uniqueItems: true, minItems: 3, items: { enum: colours } }, 'red'),
    ).toHaveLength(3)
    const texts = sampleSchema({ type: 'array', uniqueItems: true, minItems: 12, items: { type: 'string' } }, 'one two')
    expect(new Set(texts as string[]).size).toBe(12)
  })

  it('ends for schemas that have no end', () => {
    const wide = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`p${index}`, { $ref: '#' }]))
    const endless = { type: 'object', properties: wide, required: Object.keys(wide) }
    const begin = performance.now()
    sampleSchema(endless, 'x')
    sampleSchema({ type: 'array', minItems: 1_000_000_000, items: { type: 'null' } }, 'x')
    sampleSchema({ type: 'string', minLength: 1_000_000_000 }, 'x')
    sampleSchema({ type: 'string', pattern: '((a{1000}){1000}){1000}' }, 'x')
    sampleSchema({ $ref: '#' }, 'x')
    sampleSchema({ anyOf: [{ $ref: '#' }] }, 'x')
    sampleSchema({ allOf: [{ $ref: '#' }, { $ref: '#' }] }, 'x')
    expect(performance.now() - begin).toBeLessThan(3000)
  })
})

describe('a sampled pattern', () => {
  it.each([
    '^\\d{3}-\\d{2}-\\d{4}$',
    '^[a-z0-9]+(?:-[a-z0-9]+)*$',
    '^(?<year>\\d{4})/(0[1-9]|1[0-2])$',
    '^\\+?[1-9]\\d{1,14}$',
    '^[^@\\s]+@[^@\\s]+\\.[a-z]{2,}$',
    '^(?!admin)[a-z]{5}$',
    '\\bword\\b',
    '^[\\w.-]{1,8}\\u0041$',
    '^$',
  ])('matches %s', (pattern) => {
    for (let seed = 0; seed < 20; seed += 1) {
      expect(samplePattern(pattern, seedRandom(String(seed)))).toMatch(new RegExp(pattern))
    }
  })
})
