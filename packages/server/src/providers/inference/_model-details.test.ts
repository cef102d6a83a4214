/** Ollama's own list in live mode: what newer servers tell at once, and older ones model by model. */
import { bug } from '@llama-stack/api'
import type { JsonObject } from '@llama-stack/api'
import { expect, test } from 'vitest'
import { createRig, failureOf } from '../../testing/inference-conformance.ts'
import type { ScriptedReply, ScriptedRequest } from '../../testing/scripted-upstream.ts'
import { toDialect } from './_dialect.ts'
import { defineOpenAiProvider } from './_openai-provider.ts'
import { selfHostedRows } from './_self-hosted-vendors.ts'
import { provider as definition } from './ollama.ts'

const suite = {
  definition,
  config: (url: string): JsonObject => ({ base_url: `${url}/v1` }),
  credential: { setting: 'api_key', header: (key: string) => ['authorization', `Bearer ${key}`] as const },
}

const row = (name: string, details: object = {}, more: object = {}) => ({
  name,
  model: name,
  digest: `digest of ${name}`,
  details: { parameter_size: '8.2B', quantization_level: 'Q4_K_M', ...details },
  ...more,
})

test('a newer server tells everything in one list', async () => {
  const models = [
    row(
      'qwen3:8b',
      { context_length: 40_960, embedding_length: 4096 },
      { capabilities: ['completion', 'tools', 'thinking'] },
    ),
    row('my-embedder:latest', { context_length: 512, embedding_length: 384 }, { capabilities: ['embedding'] }),
    row('flux:latest', {}, { capabilities: ['image'] }),
  ]
  await using rig = await createRig(suite, { json: { models } }, { accounting: true })
  const shared = { parameter_size: '8.2B', quantization: 'Q4_K_M' }
  expect(await rig.provider.models?.(rig.call())).toEqual([
    {
      id: 'qwen3:8b',
      type: 'llm',
      metadata: {
        ...shared,
        context_length: 40_960,
        capabilities: ['completion', 'tools', 'thinking'],
        input_modalities: ['text'],
        tools: true,
        reasoning: true,
      },
    },
    {
      id: 'my-embedder:latest',
      type: 'embedding',
      names: ['my-embedder'],
      metadata: { ...shared, context_length: 512, embedding_dimension: 384, capabilities: ['embedding'] },
    },
  ])
  expect(rig.vendor.requests.map(({ path }) => path)).toEqual(['/api/tags'])
})

const shown: Readonly<Record<string, JsonObject>> = {
  'llama3.2-vision:11b': {
    capabilities: ['completion', 'vision'],
    details: { parameter_size: '10.7B' },
    model_info: { 'general.architecture': 'mllama', 'mllama.context_length': 131_072, 'mllama.embedding_length': 4096 },
  },
  'nomic-embed-text:latest': {
    capabilities: ['embedding'],
    model_info: { 'general.architecture': 'nomic-bert', 'nomic-bert.context_length': 2048 },
  },
}

function olderServer(names: readonly string[]): (request: ScriptedRequest) => ScriptedReply {
  return (request) => {
    if (request.path === '/api/tags') return { json: { models: names.map((name) => row(name)) } }
    const { model } = request.json() as { readonly model: string }
    const reply = shown[model]
    return reply === undefined ? { status: 404, json: { error: `model '${model}' not found` } } : { json: reply }
  }
}

test('an older server is asked about each model, once', async () => {
  const names = ['llama3.2-vision:11b', 'nomic-embed-text:latest']
  await using rig = await createRig(suite, olderServer(names), { accounting: true })
  const listed = await rig.provider.models?.(rig.call())
  expect(listed).toMatchObject([
    {
      id: 'llama3.2-vision:11b',
      type: 'llm',
      metadata: { context_length: 131_072, capabilities: ['completion', 'vision'], parameter_size: '10.7B' },
    },
    // Ours are the numbers of the model card; the file has the context that its makers trained with.
    { id: 'nomic-embed-text:latest', type: 'embedding', metadata: { context_length: 8192, embedding_dimension: 768 } },
  ])
  expect(rig.vendor.requests.map(({ path }) => path)).toEqual(['/api/tags', '/api/show', '/api/show'])
  expect(await rig.provider.models?.(rig.call())).toEqual(listed)
  expect(rig.vendor.requests).toHaveLength(4)
})

test('a model that the server cannot describe is listed all the same', async () => {
  await using rig = await createRig(suite, olderServer(['gone:1b']), { accounting: true })
  expect(await rig.provider.models?.(rig.call())).toMatchObject([{ id: 'gone:1b', type: 'llm' }])
})

test('many models are asked about a few at a time', async () => {
  const names = Array.from({ length: 20 }, (_, index) => `m${index}`)
  let open = 0
  let most = 0
  const answer = async (request: ScriptedRequest): Promise<ScriptedReply> => {
    if (request.path === '/api/tags') return { json: { models: names.map((name) => row(name)) } }
    open += 1
    most = Math.max(most, open)
    await new Promise((resolve) => setTimeout(resolve, 5))
    open -= 1
    return { json: { capabilities: ['completion'] } }
  }
  await using rig = await createRig(suite, answer, { accounting: true })
  expect(await rig.provider.models?.(rig.call())).toHaveLength(20)
  expect(most).toBe(4)
})

test('a server that has OpenAI’s list only is asked for that', async () => {
  const answer = ({ path }: ScriptedRequest): ScriptedReply =>
    path === '/v1/models'
      ? { json: { object: 'list', data: [{ id: 'llama3.2:latest', object: 'model' }] } }
      : { status: 404, text: '404 page not found' }
  await using rig = await createRig(suite, answer, { accounting: true })
  expect(await rig.provider.models?.(rig.call())).toMatchObject([{ id: 'llama3.2:latest', names: ['llama3.2'] }])
  const paths = rig.vendor.requests.map(({ path }) => path)
  expect(paths.slice(0, 2)).toEqual(['/api/tags', '/v1/models'])
})

test('a server that refuses is not asked for another list', async () => {
  await using rig = await createRig(suite, { status: 403, json: { error: 'forbidden' } }, { accounting: true })
  expect((await failureOf(rig.provider.models?.(rig.call()))).code).toBe('provider_authentication')
  expect(rig.vendor.requests).toHaveLength(1)
})

test('an older LM Studio answers with 200 to what it does not know, and tells embedding models by their names', async () => {
  const row = selfHostedRows.find(({ type }) => type === 'remote::lmstudio') ?? bug('no row of LM Studio')
  const lmStudio = { ...suite, definition: defineOpenAiProvider(toDialect(row)) }
  const data = ['qwen3-8b', 'text-embedding-mine'].map((id) => ({ id, object: 'model' }))
  const answer = ({ path }: ScriptedRequest): ScriptedReply => ({
    json: path === '/v1/models' ? { object: 'list', data } : { error: `Unexpected endpoint or method. (GET ${path})` },
  })
  await using rig = await createRig(lmStudio, answer, { accounting: true })
  expect(await rig.provider.models?.(rig.call())).toMatchObject([
    { id: 'qwen3-8b', type: 'llm' },
    { id: 'text-embedding-mine', type: 'embedding' },
  ])
})

test('while recording and replaying the list is OpenAI’s, and names stand for nothing else', async () => {
  await using rig = await createRig(suite, { json: { data: [{ id: 'nomic-embed-text:latest' }] } })
  expect(await rig.provider.models?.(rig.call())).toEqual([
    { id: 'nomic-embed-text:latest', type: 'embedding', metadata: { embedding_dimension: 768, context_length: 8192 } },
  ])
  expect(rig.vendor.requests.map(({ path }) => path)).toEqual(['/v1/models'])
})
