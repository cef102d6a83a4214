import type { ProviderCall } from '@llama-stack/api'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toSplicedBody } from './_spliced-body.ts'

/** Brings any body up to the length from which on it is spliced. */
const FILLER = ' '.repeat(1024)

function callWith(json: string): ProviderCall {
  const text = FILLER + json
  const rawFields = JSON.parse(text) as Record<string, unknown>
  return {
    requestId: 'r',
    signal: new AbortController().signal,
    providerData: {},
    rawBody: Buffer.from(text),
    rawFields,
  }
}

/** What leaves for a body whose members are changed by the function; undefined where it has to be written anew. */
function splice(
  text: string,
  change: (fields: Record<string, unknown>) => Record<string, unknown>,
): string | undefined {
  const call = callWith(text)
  const spliced = toSplicedBody(call, change({ ...call.rawFields, model: 'm' }))
  return spliced === undefined ? undefined : Buffer.concat(spliced).toString().slice(FILLER.length)
}

describe('toSplicedBody', () => {
  test('keeps every other byte as it came', () => {
    const text = '{ "messages" : [ {"role":"user","content":"gr\\u00fcn 🦊"} ],\n "model" : "acme/m", "seed":1.0 }'
    expect(splice(text, (fields) => fields)).toBe(text.replace('"model" : "acme/m"', '"model":"m"'))
  })

  test('adds members before the model', () => {
    expect(splice('{"a":1,"model":"x"}', (fields) => ({ ...fields, b: { c: true } }))).toBe(
      '{"a":1,"b":{"c":true},"model":"m"}',
    )
  })

  test.each([
    [
      'a member is left out',
      '{"model":"x","store":true}',
      ({ store: _store, ...rest }: Record<string, unknown>) => rest,
    ],
    ['a member has another value', '{"model":"x","n":1}', (fields: Record<string, unknown>) => ({ ...fields, n: 2 })],
    ['the word occurs twice', '{"model":"x","a":{"model":"x"}}', (fields: Record<string, unknown>) => fields],
    ['a text is the word', '{"a":"model","model":"x"}', (fields: Record<string, unknown>) => fields],
    [
      'the member is spelled with escapes',
      '{"mod\\u0065l":"x","a":"model"}',
      (fields: Record<string, unknown>) => fields,
    ],
    ['the name is spelled with escapes', '{"model":"\\u0078"}', (fields: Record<string, unknown>) => fields],
  ])('gives up where %s', (_about, text, change) => {
    expect(splice(text, change)).toBeUndefined()
  })

  test('is what serialising the changed body would be, read back', () => {
    const fields = fc.dictionary(
      fc.constantFrom('a', 'messages', 'model', 'x"model":"y'),
      fc.jsonValue({ maxDepth: 2 }),
    )
    const body = fc
      .tuple(fields, fc.string(), fc.constantFrom(undefined, 1, '\t'))
      .map(([rest, model, space]) => JSON.stringify({ ...rest, model }, null, space))
    const pairs = fc.sample(fc.tuple(body, fc.boolean()), 500).map(([text, adds]) => {
      const call = callWith(text)
      const wanted: Record<string, unknown> = { ...call.rawFields, model: 'other', ...(adds && { added: [1] }) }
      return { wanted, spliced: toSplicedBody(call, wanted) }
    })
    const done = pairs.filter(({ spliced }) => spliced !== undefined)
    expect(done.length).toBeGreaterThan(100)
    for (const { wanted, spliced } of done) expect(JSON.parse(Buffer.concat(spliced ?? []).toString())).toEqual(wanted)
  })
})
