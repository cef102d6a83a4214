import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { lateSchema } from './late-schema.ts'
import { parseOnce } from './parse-once.ts'

describe('lateSchema', () => {
  it('builds a schema for the first value, and none where there is no value', () => {
    let built = 0
    const Inner = lateSchema(() => {
      built += 1
      return z.strictObject({ size: z.int() })
    })
    const Block = z.strictObject({
      optional: Inner.optional(),
      nullish: Inner.nullish().describe('A block.'),
      filled: Inner.default(() => ({ size: 1 })),
      listed: z.array(Inner).default([]),
    })
    expect(Block.parse({ nullish: null }, parseOnce)).toEqual({ nullish: null, filled: { size: 1 }, listed: [] })
    expect(Block.parse({}, parseOnce)).toEqual({ filled: { size: 1 }, listed: [] })
    expect(built).toBe(0)
    expect(Block.safeParse({ optional: { size: 'two' } }).error?.issues[0]?.path).toEqual(['optional', 'size'])
    expect(Block.parse({ nullish: { size: 2 }, listed: [{ size: 3 }] })).toMatchObject({ nullish: { size: 2 } })
    expect(built).toBe(1)
    expect(z.toJSONSchema(Block)).toMatchObject({ properties: { filled: { default: { size: 1 } } } })
  })
})
