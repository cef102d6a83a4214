import { bug } from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import { dialects } from './_dialect-table.ts'
import { toDialect } from './_dialect.ts'
import type { Dialect } from './_dialect.ts'
import { toOutboundBody, toRecordedBody } from './_outbound-body.ts'

const plain = toDialect({ type: 'remote::x', description: 'X.', providerData: 'x_api_key' })

function dialectOf(type: string): Dialect {
  return dialects.find((dialect) => dialect.type === type) ?? bug(`no row ${type}`)
}

test('a field goes out when the client gave it a value', () => {
  const request = { model: 'm', stream: false, top_p: 0, user: '', stop: null, seed: undefined, own: null }
  expect(toOutboundBody(request, 'chat', plain)).toEqual({ model: 'm', stream: false, top_p: 0, user: '' })
})

test('what is inside a field is not touched', () => {
  const messages = [{ role: 'assistant', content: null, tool_calls: [] }]
  expect(toOutboundBody({ messages }, 'chat', plain)['messages']).toBe(messages)
})

describe('the limit of a model', () => {
  test.each([
    ['gpt-4o', 20_000, 16_384],
    ['gpt-4o', 16_384, 16_384],
    ['gpt-4o', 5, 5],
    ['gpt-4o-2024-08-06', 99_999, 16_384],
    ['gpt-4-0613', 10_000, 8192],
    ['gpt-4.1-mini', 99_999, 32_768],
    ['o1-mini', 99_999, 65_536],
    ['gpt-5', 999_999, 999_999],
  ])('%s asked for %i gets %i', (model, asked, expected) => {
    const openai = dialectOf('remote::openai')
    expect(toOutboundBody({ model, max_tokens: asked }, 'chat', openai)).toEqual({ model, max_tokens: expected })
    const request = { model, max_completion_tokens: asked }
    expect(toOutboundBody(request, 'chat', openai)).toEqual({ model, max_completion_tokens: expected })
  })

  test('is no limit elsewhere, and is not added', () => {
    expect(toOutboundBody({ model: 'gpt-4o', max_tokens: 99_999 }, 'chat', plain)['max_tokens']).toBe(99_999)
    expect(toOutboundBody({ model: 'gpt-4o' }, 'chat', dialectOf('remote::openai'))).toEqual({ model: 'gpt-4o' })
  })
})

test('Together gets no user with embeddings, and dimensions are an error', () => {
  const together = dialectOf('remote::together')
  const request = { model: 'm', input: 'x', user: 'me' }
  expect(toOutboundBody(request, 'embeddings', together)).toEqual({ model: 'm', input: 'x' })
  expect(toOutboundBody({ model: 'm', user: 'me' }, 'chat', together)).toEqual({ model: 'm', user: 'me' })
  expect(() => toOutboundBody({ ...request, dimensions: 8 }, 'embeddings', together)).toThrow("Invalid 'dimensions'")
})

test('Mistral gets its own names', () => {
  const request = { model: 'm', seed: 7, max_completion_tokens: 5, user: 'me', stream_options: {} }
  expect(toOutboundBody(request, 'chat', dialectOf('remote::mistral'))).toEqual({
    model: 'm',
    random_seed: 7,
    max_tokens: 5,
  })
})

describe('a recorded body', () => {
  test('nests what upstream does not model', () => {
    const body = { model: 'm', prompt: 'x', structured_outputs: { choice: ['a'] }, top_k: 3 }
    expect(toRecordedBody(body, 'completions')).toEqual({
      model: 'm',
      prompt: 'x',
      extra_body: { structured_outputs: { choice: ['a'] }, top_k: 3 },
    })
  })

  test('knows the fields of each operation apart', () => {
    expect(toRecordedBody({ input: 'x', dimensions: 3 }, 'embeddings')).toEqual({ input: 'x', dimensions: 3 })
    expect(toRecordedBody({ input: 'x' }, 'chat')).toEqual({ extra_body: { input: 'x' } })
    expect(toRecordedBody({ best_of: 1, reasoning_effort: 'low' }, 'chat')).toEqual({
      reasoning_effort: 'low',
      extra_body: { best_of: 1 },
    })
  })
})
