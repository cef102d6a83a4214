import type { CallContext, JsonObject } from '@llama-stack/api'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Route } from '../models/route.ts'
import type { CacheableCall } from './cacheable-call.ts'
import { isSameBody, toCacheKey, toCallIdentity } from './call-identity.ts'
import { toCanonicalJson } from './canonical-json.ts'
import { ignoredFields } from './ignored-fields.ts'

type Fields = Record<string, unknown>

function route(requested: string, targets: readonly string[]): Route {
  // The key reads the names of the targets and nothing else of them.
  return { requested, strategy: 'order', targets: targets.map((name) => ({ target: { name } })) } as unknown as Route
}

const context: CallContext = {
  principal: { id: 'anna' },
  requestId: 'req-1',
  signal: new AbortController().signal,
  providerData: {},
}

function call(request: Fields): CacheableCall {
  return { operation: 'chat', request, route: route('team', ['a/m', 'b/m']), context }
}

const identityOf = (request: Fields) => toCallIdentity(call(request), 'anna')

const keyOf = (request: Fields): string => toCacheKey(identityOf(request))

/** Objects as JSON has them; members are named by plain words and by what objects have by birth. */
const name = fc.oneof(
  fc.string({ maxLength: 6 }),
  fc.constantFrom('__proto__', 'constructor', 'toJSON', '1', '10', '2'),
)
const json = fc.jsonValue({ maxDepth: 4 })
const body = fc.dictionary(name, json, { maxKeys: 6 }).filter((fields) => !Object.keys(fields).some(isIgnored))

const isIgnored = (field: string): boolean => Object.hasOwn(ignoredFields, field)

/** The same value with the members of all objects in another order. */
function shuffle(value: unknown, take: (below: number) => number): unknown {
  if (Array.isArray(value)) return value.map((each: unknown) => shuffle(each, take))
  if (typeof value !== 'object' || value === null) return value
  const left = Object.entries(value)
  const members: [string, unknown][] = []
  while (left.length > 0) {
    for (const [key, member] of left.splice(take(left.length), 1)) members.push([key, shuffle(member, take)])
  }
  return Object.fromEntries(members)
}

describe('the key of an answer', () => {
  test('[B060] does not depend on the order of members, nor on what does not change the answer', () => {
    const noise = fc.dictionary(fc.constantFrom(...Object.keys(ignoredFields)), json)
    fc.assert(
      fc.property(body, noise, fc.infiniteStream(fc.nat()), (fields, ignored, numbers) => {
        const take = (below: number): number => Number(numbers.next().value) % below
        // `stream` is read for what it says; only what says the same may differ.
        const { stream: _stream, ...others } = ignored
        const spelled = { ...others, ...(shuffle(fields, take) as Fields), stream: null }
        expect(keyOf(spelled)).toBe(keyOf({ ...fields, stream: false }))
        expect(isSameBody(identityOf(spelled), identityOf(fields))).toBe(true)
      }),
    )
  })

  test('[B060] changes with anything else', () => {
    fc.assert(
      fc.property(body, body, (one, other) => {
        const isSame = toCanonicalJson(one) === toCanonicalJson(other)
        expect(keyOf(one) === keyOf(other)).toBe(isSame)
        expect(isSameBody(identityOf(one), identityOf(other))).toBe(isSame)
      }),
    )
    fc.assert(
      fc.property(body, name, json, (fields, added, value) => {
        fc.pre(!isIgnored(added) && !Object.hasOwn(fields, added))
        const more = Object.fromEntries([...Object.entries(fields), [added, value]])
        expect(keyOf(more)).not.toBe(keyOf(fields))
        expect(isSameBody(identityOf(more), identityOf(fields))).toBe(false)
      }),
    )
  })

  test('tells values apart that are written alike', () => {
    const values = [{ a: 1 }, { a: '1' }, { a: [1] }, { a: null }, {}, { a: true }, { a: { b: 1 } }, { 'a":{"b': 1 }]
    expect(new Set(values.map((value) => keyOf(value))).size).toBe(values.length)
    expect(toCanonicalJson(JSON.parse('{"b":1.0,"a":{"__proto__":1,"2":0,"10":0}}'))).toBe(
      toCanonicalJson(JSON.parse('{"a":{"10":0,"2":0,"__proto__":1},"b":1}')),
    )
  })

  test('depends on whose call it is, where it leads, and how the reply is shaped', () => {
    const secret: JsonObject = { openai_api_key: 'sk-other' }
    const variants: Partial<CacheableCall>[] = [
      {},
      { operation: 'text' },
      { route: route('team', ['a/m']) },
      { route: route('team', ['b/m', 'a/m']) },
      { route: route('other', ['a/m', 'b/m']) },
      { request: { n: 1, stream: true } },
      { stores: true },
      { context: { ...context, providerData: secret } },
      { context: { ...context, testId: 'one' } },
      { context: { ...context, generation: 'llama-stack' } },
    ]
    const by = (owner: string, variant = {}) => toCacheKey(toCallIdentity({ ...call({ n: 1 }), ...variant }, owner))
    const keys = variants.map((variant) => by('anna', variant))
    expect(new Set([...keys, by('otto')]).size).toBe(variants.length + 1)
    expect(keys[0]).toMatch(/^[\da-f]{64}$/)
  })

  test('every field that is left out has its reason', () => {
    expect(Object.keys(ignoredFields)).toEqual([
      'model',
      'stream',
      'store',
      'metadata',
      'user',
      'safety_identifier',
      'prompt_cache_key',
      'prompt_cache_retention',
    ])
  })
})
