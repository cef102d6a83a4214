import { expect, it } from 'vitest'
import { createOfflineProvider, offlineCall } from '../../testing/offline-provider.ts'
import { provider } from './transformers.ts'

const local = createOfflineProvider(provider, {})

it('lists its model as substituted', async () => {
  expect(await local.models?.(offlineCall())).toEqual([
    { id: 'Qwen/Qwen3-Reranker-0.6B', type: 'rerank', metadata: { substitute: 'lexical' } },
  ])
})

it('ranks by words', async () => {
  const reply = await local.rerank?.(
    {
      model: 'Qwen/Qwen3-Reranker-0.6B',
      query: 'capital of Japan',
      items: ['Cherry blossoms', { type: 'text', text: 'Tokyo is the capital of Japan' }],
    },
    offlineCall(),
  )
  expect(reply?.value.data.map(({ index }) => index)).toEqual([1, 0])
  expect(reply?.headers).toEqual({ 'x-llama-stack-substitute': 'lexical' })
})

it('knows no other model', async () => {
  const call = local.rerank?.({ model: 'other', query: 'a', items: ['b'] }, offlineCall())
  await expect(call).rejects.toMatchObject({ code: 'model_not_found' })
})
