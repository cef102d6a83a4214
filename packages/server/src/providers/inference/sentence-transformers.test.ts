import { expect, it } from 'vitest'
import { createOfflineProvider, offlineCall } from '../../testing/offline-provider.ts'
import { provider } from './sentence-transformers.ts'

const local = createOfflineProvider(provider, {})

it.each([
  ['nomic-ai/nomic-embed-text-v1.5', 768],
  ['all-MiniLM-L6-v2', 384],
  ['sentence-transformers/all-MiniLM-L6-v2', 384],
  ['BAAI/bge-large-en-v1.5', 1024],
])('stands in for %s with %i dimensions, and says so', async (model, dimension) => {
  const reply = await local.embeddings?.({ model, input: 'hello' }, offlineCall())
  if (reply?.kind !== 'value') throw new Error('expected a value')
  expect(reply.headers).toEqual({ 'x-llama-stack-substitute': 'lexical' })
  expect(reply.value.data[0]?.embedding).toHaveLength(dimension)
  expect(reply.value.usage).toEqual({ prompt_tokens: 1, total_tokens: 1 })
  expect(reply.value.model).toBe(model)
})

it('lists the defaults of both generations as substituted', async () => {
  const models = (await local.models?.(offlineCall())) ?? []
  expect(models.map(({ id }) => id)).toEqual([
    'nomic-ai/nomic-embed-text-v1.5',
    'all-MiniLM-L6-v2',
    'sentence-transformers/all-MiniLM-L6-v2',
  ])
  expect(models.every(({ type, metadata }) => type === 'embedding' && metadata['substitute'] === 'lexical')).toBe(true)
  expect(models[0]?.metadata['embedding_dimension']).toBe(768)
})

it('never guesses the length of a vector', async () => {
  const unknown = local.embeddings?.({ model: 'acme/unheard-of', input: 'x' }, offlineCall())
  await expect(unknown).rejects.toMatchObject({ code: 'model_not_found' })
  const told = await local.embeddings?.({ model: 'acme/unheard-of', input: 'x', dimensions: 32 }, offlineCall())
  if (told?.kind !== 'value') throw new Error('expected a value')
  expect(told.value.data[0]?.embedding).toHaveLength(32)
})

it('accepts the settings of upstream’s files and no others', () => {
  expect(provider.config.parse({})).toMatchObject({ trust_remote_code: false, fallback: 'lexical' })
  expect(provider.config.parse({ trust_remote_code: true })).toMatchObject({ trust_remote_code: true })
  expect(() => provider.config.parse({ device: 'cuda' })).toThrow(/device/)
})
