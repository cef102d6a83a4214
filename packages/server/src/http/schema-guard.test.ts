import { inference, models } from '@llama-stack/api'
import type { Route } from '@llama-stack/api'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { toSchemaGuard } from './schema-guard.ts'

describe('toSchemaGuard', () => {
  test('passes an ordinary chat without the parser', () => {
    const guard = toSchemaGuard(inference.createChatCompletion.body)
    const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }]
    const messages = [
      { role: 'user', content: [{ type: 'text', text: 'hi' }] },
      { role: 'assistant', content: null, tool_calls: [{ id: 'a', function: { name: 'f', arguments: '{}' } }] },
      { role: 'tool', content: '1', tool_call_id: 'a' },
    ]
    expect(guard?.({ model: 'm', messages, tools, temperature: 0.7, seed: null, vendor_field: { x: 1 } })).toBe(true)
  })

  test.each([
    ['no model', { messages: [{ role: 'user', content: 'x' }] }],
    ['an unknown role', { model: 'm', messages: [{ role: 'nobody', content: 'x' }] }],
    ['no message', { model: 'm', messages: [] }],
    ['a temperature beyond its range', { model: 'm', messages: [{ role: 'user', content: 'x' }], temperature: 3 }],
    ['a fraction of a token', { model: 'm', messages: [{ role: 'user', content: 'x' }], max_tokens: 1.5 }],
    ['a list', []],
    ['null', null],
  ])('leaves %s to the parser', (_, body) => {
    expect(toSchemaGuard(inference.createChatCompletion.body)?.(body)).toBe(false)
  })

  test.each([
    ['a transform', z.looseObject({ a: z.string().transform(Number) })],
    ['a default', z.looseObject({ a: z.string().default('x') })],
    ['a text format', z.looseObject({ a: z.email() })],
    ['a refinement', z.looseObject({ a: z.string().refine((text) => text !== '') })],
    ['a strict object', z.strictObject({ a: z.string() })],
  ])('gives no guard for %s', (_, schema) => {
    expect(toSchemaGuard(schema)).toBeUndefined()
  })

  const bodies = Object.entries<Route>({ ...inference, ...models }).flatMap(([name, { body }]) =>
    body === undefined ? [] : [{ name, body }],
  )
  test.each(bodies)('passes nothing that the schema of $name refuses', ({ body }) => {
    const guard = toSchemaGuard(body) ?? (() => false)
    const leaf = fc.oneof(
      fc.constantFrom(null, '', 'x', 0, 1, -3, 1.5, 1e300, true, 'user', 'tool', 'function', 'text', 'auto'),
      fc.string(),
    )
    const keys = [...Object.keys(body.shape), 'role', 'content', 'type', 'text', 'function', 'name', 'tool_call_id']
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof({ depthSize: 'small' }, leaf, fc.array(tie('value'), { maxLength: 3 }), tie('object')),
      object: fc.dictionary(fc.constantFrom(...keys), tie('value'), { maxKeys: 5 }),
    }))
    const request = fc.dictionary(fc.constantFrom(...keys), value, { maxKeys: 8 })
    const passed = fc.sample(request, 500).filter((candidate) => guard(candidate))
    expect(passed.filter((candidate) => !body.safeParse(candidate).success)).toEqual([])
  })
})
