import { describe, expect, test } from 'vitest'
import { isSameModel, knownModels, parseVertexModel, toListedModel } from './_vertex-models.ts'

describe('a name', () => {
  test.each([
    'gemini-2.5-flash',
    'google/gemini-2.5-flash',
    'models/gemini-2.5-flash',
    'publishers/google/models/gemini-2.5-flash',
  ])('%s is Google’s', (name) => {
    expect(parseVertexModel(name)).toEqual({
      kind: 'google',
      name: 'gemini-2.5-flash',
      path: 'publishers/google/models/gemini-2.5-flash',
    })
    expect(isSameModel(name, 'gemini-2.5-flash')).toBe(true)
  })

  test.each([
    ['meta/llama-3.3-70b-instruct-maas', 'meta/llama-3.3-70b-instruct-maas'],
    ['publishers/mistralai/models/mistral-small-2503', 'mistralai/mistral-small-2503'],
    ['google/gemma-4-maas', 'google/gemma-4-maas'],
  ])('%s is another’s', (spelling, name) => {
    expect(parseVertexModel(spelling)).toEqual({ kind: 'partner', name })
  })

  test('of a tuned model is an endpoint of the project', () => {
    expect(parseVertexModel('endpoints/123')).toEqual({ kind: 'google', name: '123', path: 'endpoints/123' })
  })

  test.each([
    '',
    'a/b/c',
    '../x',
    'google/..',
    'x?y=1',
    'x#',
    'x%2f',
    'projects/p/locations/l/endpoints/1',
    '/x',
    'a b',
  ])('%j is none', (name) => {
    expect(() => parseVertexModel(name)).toThrow(expect.objectContaining({ code: 'model_not_found' }))
    expect(isSameModel(name, 'gemini-2.5-flash')).toBe(false)
  })
})

describe('a listed model', () => {
  test.each<readonly [string, object | undefined]>([
    ['gemini-2.5-flash', { type: 'llm', metadata: { context_length: 1_048_576 } }],
    ['gemini-9-flash', { type: 'llm', metadata: {} }],
    ['gemini-2.5-flash-image', { type: 'llm' }],
    ['text-embedding-005', { type: 'embedding', metadata: { embedding_dimension: 768, context_length: 2048 } }],
    ['gemini-embedding-001', { type: 'embedding', metadata: { embedding_dimension: 3072, context_length: 2048 } }],
    ['text-multilingual-embedding-002', { type: 'embedding' }],
    ['gemini-2.5-flash-preview-tts', undefined],
    ['gemini-live-2.5-flash', undefined],
    ['gemini-2.5-flash-native-audio-preview', undefined],
    ['imagen-4.0-generate-001', undefined],
    ['multimodalembedding', undefined],
    ['veo-3.0-generate-001', undefined],
  ])('%s', (name, expected) => {
    expect([toListedModel(name)]).toMatchObject([
      expected === undefined ? undefined : { id: `publishers/google/models/${name}`, ...expected },
    ])
  })

  test('is what is known without asking, too', () => {
    expect(knownModels().map(({ type }) => type)).toContain('embedding')
    expect(knownModels().every(({ metadata }) => metadata['context_length'] !== undefined)).toBe(true)
  })
})
