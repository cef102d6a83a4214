import { readFileSync } from 'node:fs'
import type { ChatCompletionRequest } from '@llama-stack/api'
import { expect, test } from 'vitest'
import { createRig, describeInferenceProvider, failureOf } from '../../testing/inference-conformance.ts'
import type { InferenceConformance, VendorFixture } from '../../testing/inference-conformance.ts'
import { provider as definition } from './vllm.ts'

const fixture = JSON.parse(
  readFileSync(new URL('../../../../../tests/fixtures/vendors/vllm.json', import.meta.url), 'utf8'),
) as VendorFixture

const MAX_TOKENS = 'max_tokens is added, see its own test below'
const suite: InferenceConformance = {
  definition,
  fixture,
  config: (url) => ({ base_url: `${url}/v1` }),
  apiPath: '/v1',
  credential: { setting: 'api_token', header: (key) => ['authorization', `Bearer ${key}`] },
  skips: { 'key missing': 'vLLM needs none', 'body as sent': MAX_TOKENS, 'recording key': MAX_TOKENS },
}

describeInferenceProvider(suite)

const request: ChatCompletionRequest = { model: 'm', messages: [{ role: 'user', content: 'hi' }] }

test.each([
  [{}, {}, { max_tokens: 4096 }],
  [{ max_tokens: 100 }, {}, { max_tokens: 100 }],
  [{}, { max_tokens: 7 }, { max_tokens: 7 }],
  [{}, { max_completion_tokens: 8 }, { max_completion_tokens: 8 }],
])('with %o configured, a chat with %o is limited by %o', async (config, asked, expected) => {
  await using rig = await createRig(suite, { json: fixture.chat }, { config })
  await rig.provider.chatCompletion?.({ ...request, ...asked }, rig.call())
  const {
    messages: _messages,
    model: _model,
    ...limits
  } = (rig.vendor.requests[0]?.json() ?? {}) as Record<string, unknown>
  expect(limits).toEqual(expected)
  expect(rig.sent[0]?.recording).toMatchObject({ body: expected })
})

test('a text completion gets no limit of ours', async () => {
  await using rig = await createRig(suite, { json: fixture.completion })
  await rig.provider.completion?.({ model: 'm', prompt: 'x' }, rig.call())
  expect(rig.vendor.requests[0]?.json()).toEqual({ model: 'm', prompt: 'x' })
})

test('the placeholder token is sent where none is configured', async () => {
  await using rig = await createRig(suite, { json: fixture.chat }, { keyless: true })
  await rig.provider.chatCompletion?.(request, rig.call())
  expect(rig.vendor.requests[0]?.headers['authorization']).toBe('Bearer fake')
})

test('rerank asks below the root and puts the best first', async () => {
  const results = [
    { index: 0, relevance_score: 0.1, document: { text: 'sun' } },
    { index: 2, relevance_score: 0.9, document: { text: 'rain' } },
    { index: 1, relevance_score: 0.4, document: { text: 'cloud' } },
  ]
  await using rig = await createRig(suite, { json: { id: 'rerank-1', results } })
  const ranked = await rig.provider.rerank?.(
    { model: 'r', query: 'wet', items: ['sun', { type: 'text', text: 'cloud' }, 'rain'], max_num_results: 2 },
    rig.call(),
  )
  expect(ranked?.value).toEqual({
    data: [
      { index: 2, relevance_score: 0.9 },
      { index: 1, relevance_score: 0.4 },
    ],
  })
  const body = { model: 'r', query: 'wet', documents: ['sun', 'cloud', 'rain'], top_n: 2 }
  expect(rig.vendor.requests[0]?.path).toBe('/rerank')
  expect(rig.vendor.requests[0]?.json()).toEqual(body)
  expect(rig.sent[0]?.recording).toEqual({ kind: 'http', url: `${rig.vendor.url}/rerank`, body, testId: null })
})

test('only allowed models rank', async () => {
  await using rig = await createRig(suite, { json: {} }, { config: { allowed_models: ['r'] } })
  const failure = await failureOf(rig.provider.rerank?.({ model: 'other', query: 'q', items: ['a'] }, rig.call()))
  expect(failure.code).toBe('model_not_found')
  expect(rig.vendor.requests).toHaveLength(0)
})

test('token ids are embedded', async () => {
  await using rig = await createRig(suite, { json: fixture.embeddings?.reply })
  await rig.provider.embeddings?.({ model: 'm', input: [[1, 2], [3]] }, rig.call())
  expect(rig.vendor.requests[0]?.json()).toMatchObject({ input: [[1, 2], [3]] })
})

test('without a URL it is off, and says which variable is meant', async () => {
  await using rig = await createRig({ ...suite, config: () => ({ base_url: null }) }, { json: {} })
  expect(definition.off?.(rig.config as never)).toBe('no URL; set base_url (VLLM_URL)')
  const failure = await failureOf(rig.provider.chatCompletion?.(request, rig.call()))
  expect(failure.code).toBe('provider_url_missing')
  expect(failure.message).toContain('VLLM_URL')
  expect(await rig.provider.models?.(rig.call())).toBeUndefined()
})
