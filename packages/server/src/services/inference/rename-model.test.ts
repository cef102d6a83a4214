import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createModelRenamer } from './rename-model.ts'

const parse = (json: string): Record<string, unknown> => JSON.parse(json) as Record<string, unknown>

const name = fc.constantFrom('m', 'gpt-4o', 'vendor/m', 'a "quoted" \\ name', '模型', '')
/** Values among which the model's name and whole members occur as texts, keys and nested members. */
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<unknown>('model', 'm', 'gpt-4o', '"model":"m"', '"model": "gpt-4o"', null, 1.5, true),
    fc.array(tie('any'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('model', 'id', 'm', '"model":"m"'), tie('any'), { maxKeys: 3 }),
  ),
})).any
const reply = fc
  .tuple(fc.dictionary(fc.constantFrom('id', 'choices', 'usage', 'system_fingerprint'), value), name, fc.nat(4))
  .map(([fields, model, position]) => {
    const entries: [string, unknown][] = Object.entries(fields)
    entries.splice(position, 0, ['model', model])
    return Object.fromEntries(entries)
  })

test('the model is replaced and nothing else, however the reply was written', () => {
  // Python's SDKs write a space after each colon; gateways indent.
  const writers = [
    (of: unknown) => JSON.stringify(of),
    (of: unknown) => JSON.stringify(of, null, 1),
    (of: unknown) => JSON.stringify(of).replaceAll(/"model":(?=")/g, '"model" : '),
  ]
  fc.assert(
    fc.property(reply, name, fc.constantFrom(...writers), (parsed, renamed, write) => {
      // The last writer may have changed a text too: what counts is what the vendor's JSON says.
      const json = write(parsed)
      const renamer = createModelRenamer(renamed)
      expect(parse(renamer(json, parse(json)))).toEqual({ ...parse(json), model: renamed })
      // One renamer serves all chunks of a stream.
      expect(parse(renamer(json, parse(json)))).toEqual({ ...parse(json), model: renamed })
    }),
    { numRuns: 1000 },
  )
})

test('text is left as it is around the name', () => {
  const rename = createModelRenamer('vendor/m')
  const odd = (model: string): string => `{ "n":1.50,  "model":"${model}", "text":"\\u00e9 \\"model\\":\\"m\\"" }`
  expect(rename(odd('m'), parse(odd('m')))).toBe(odd('vendor/m'))
})

test.each([
  ['a member of the same name and value inside', '{"usage":{"model":"m"},"model": "m"}', { usage: { model: 'm' } }],
  ['a slash that is escaped', '{"usage":{"model":"a/b"},"model":"a\\/b"}', { usage: { model: 'a/b' } }],
  ['a member twice', '{"model":"other","model":"m"}', {}],
])('it is not taken in by %s', (_about, json, others) => {
  expect(parse(createModelRenamer('new')(json, parse(json)))).toEqual({ ...others, model: 'new' })
})

test.each(['{"id":"x"}', '{"model":null}', '{"model":"same"}'])('%s needs no change', (json) => {
  expect(createModelRenamer('same')(json, parse(json))).toBe(json)
})
