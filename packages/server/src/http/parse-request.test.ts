import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import type { Route } from '@llama-stack/api'
import { createRequestParser } from './parse-request.ts'

const route = (parts: Partial<Route>): Route => ({
  method: 'POST',
  path: '/x',
  access: 'write',
  summary: 'x',
  ...parts,
})

describe('request parsing', () => {
  it('hands over the very body object, defaults filled in at any depth', () => {
    const body = z.looseObject({
      list: z.array(z.looseObject({ weight: z.number().default(1) })),
      nested: z.looseObject({ on: z.boolean().default(true) }),
    })
    const parse = createRequestParser(route({ body }))
    const sent = { x: 1, nested: { y: 2 }, list: [{ weight: 5 }, { z: 3 }] }
    const parsed = parse({ params: {}, query: {}, body: sent })
    expect(parsed).toBe(sent)
    expect(JSON.stringify(parsed)).toBe('{"x":1,"nested":{"y":2,"on":true},"list":[{"weight":5},{"z":3,"weight":1}]}')
  })

  it('refuses a route of which two parts declare the same key', () => {
    const id = z.string()
    expect(() => createRequestParser(route({ params: z.object({ id }), body: z.looseObject({ id }) }))).toThrow(
      "POST /x declares 'id' twice",
    )
  })

  it('lets the path win over the body', () => {
    const parse = createRequestParser(route({ body: z.looseObject({}), params: z.object({ id: z.string() }) }))
    expect(parse({ params: { id: 'path' }, query: {}, body: { id: 'body' } })).toEqual({ id: 'path' })
  })

  it('leaves the prototype of objects alone', () => {
    const query = z.looseObject({ metadata: z.record(z.string(), z.string()).optional() })
    const body = z.looseObject({ nested: z.looseObject({ a: z.int().default(1) }).optional() })
    const parse = createRequestParser(route({ query, body }))
    const sent: unknown = JSON.parse('{"__proto__": {"polluted": 1}, "nested": {"__proto__": {"polluted": 1}}}')
    parse({ params: {}, query: { '__proto__[polluted]': '1', 'metadata[team]': 'x' }, body: sent })
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })

  it('reads objects of the query in brackets', () => {
    const parse = createRequestParser(
      route({ query: z.object({ metadata: z.record(z.string(), z.string()).optional() }) }),
    )
    expect(parse({ params: {}, query: { 'metadata[team]': 'x', 'metadata[run]': '7' }, body: {} })).toEqual({
      metadata: { team: 'x', run: '7' },
    })
  })

  it('reads lists of the query, however a client spells them', () => {
    const query = z.object({
      include: z.array(z.enum(['a.b', 'c', 'd'])).optional(),
      tags: z.array(z.string()).optional(),
    })
    const parse = createRequestParser(route({ query }))
    const read = (raw: Record<string, string | string[]>): object => parse({ params: {}, query: raw, body: {} })
    const both = { include: ['a.b', 'c'] }
    expect(read({ include: ['a.b', 'c'] })).toEqual(both)
    expect(read({ 'include[]': ['a.b', 'c'] })).toEqual(both)
    expect(read({ include: 'a.b,c' })).toEqual(both)
    expect(read({ include: 'a.b', 'include[]': 'c' })).toEqual(both)
    expect(() => read({ include: 'a.b,x' })).toThrow("Invalid 'include[1]'")
    expect(read({ tags: 'one, two' })).toEqual({ tags: ['one, two'] })
  })
})
