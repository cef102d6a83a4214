import { afterAll, expect, test } from 'vitest'
import { createUpstream } from '../../kernel/upstream.ts'
import { createScriptedUpstream } from '../../testing/scripted-upstream.ts'
import type { ScriptedRoute } from '../../testing/scripted-upstream.ts'
import { listModelFiles } from './_onnx-model-files.ts'

const upstream = createUpstream({ allowPrivateUrls: true })
afterAll(() => upstream[Symbol.asyncDispose]())

const listing = (...names: string[]) => ({
  json: {
    sha: 'c0ffee',
    siblings: names.map((rfilename) => ({
      rfilename,
      size: 100,
      ...(rfilename.includes('.onnx') ? { lfs: { sha256: 'ab'.repeat(32), size: 5000 } } : {}),
    })),
  },
})

async function list(model: string, routes: Record<string, ScriptedRoute>, token?: string) {
  await using hub = await createScriptedUpstream({ routes })
  const { small, weights, graph } = await listModelFiles(model, { upstream, endpoint: hub.url, token })
  return { small, weights, graph, requests: hub.requests, url: hub.url }
}

test('what a model needs is its graph, the weights beside it, and the small files that say how it is used', async () => {
  const { small, weights, graph, url, requests } = await list(
    'BAAI/bge-m3',
    {
      'GET /api/models/BAAI/bge-m3': listing(
        '.gitattributes',
        'README.md',
        'config.json',
        'model.safetensors',
        'modules.json',
        '1_Pooling/config.json',
        'tokenizer.json',
        'onnx/config.json',
        'onnx/model.onnx',
        'onnx/model.onnx_data',
        'onnx/model.onnx_data/../../escape',
        'onnx/model_fp16.onnx',
        '../tokenizer.json',
      ),
    },
    'hf_secret',
  )
  expect(small.map(({ path }) => path)).toEqual([
    'config.json',
    'modules.json',
    '1_Pooling/config.json',
    'tokenizer.json',
  ])
  expect(weights.map(({ path }) => path)).toEqual(['onnx/model.onnx_data'])
  expect(graph).toEqual({
    path: 'onnx/model.onnx',
    url: `${url}/BAAI/bge-m3/resolve/c0ffee/onnx/model.onnx`,
    bytes: 5000,
    sha256: 'ab'.repeat(32),
  })
  expect(small[0]).toMatchObject({ bytes: 100, sha256: undefined })
  expect(requests[0]?.headers['authorization']).toBe('Bearer hf_secret')
})

test('a smaller graph is taken where there is no full one', async () => {
  const { graph } = await list('all-MiniLM-L6-v2', {
    'GET /api/models/sentence-transformers/all-MiniLM-L6-v2': listing(
      'config.json',
      'tokenizer.json',
      'onnx/model_fp16.onnx',
      'onnx/model_quantized.onnx',
    ),
  })
  expect(graph.path).toBe('onnx/model_quantized.onnx')
})

test('a graph that somebody else published is combined with the model’s own files', async () => {
  const { small, graph, url } = await list('Qwen/Qwen3-Reranker-0.6B', {
    'GET /api/models/Qwen/Qwen3-Reranker-0.6B': listing('config.json', 'tokenizer.json', 'model.safetensors'),
    'GET /api/models/onnx-community/Qwen3-Reranker-0.6B-ONNX': listing('config.json', 'onnx/model_quantized.onnx'),
  })
  expect([...small, graph].map((file) => file.url)).toEqual([
    `${url}/Qwen/Qwen3-Reranker-0.6B/resolve/c0ffee/config.json`,
    `${url}/Qwen/Qwen3-Reranker-0.6B/resolve/c0ffee/tokenizer.json`,
    `${url}/onnx-community/Qwen3-Reranker-0.6B-ONNX/resolve/c0ffee/onnx/model_quantized.onnx`,
  ])
})

test.each([
  ['acme/chat', listing('config.json', 'model.safetensors'), 'it has no ONNX files'],
  [
    'acme/chat',
    listing('README.md', 'chat-Q4_K_M.gguf'),
    'it has GGUF files; pull one of them by its name, such as hf:acme/chat/chat-Q4_K_M.gguf',
  ],
  ['acme/words', listing('config.json', 'spiece.model', 'onnx/model.onnx'), 'it has no tokenizer.json'],
  ['../etc/passwd', { reset: true }, 'a model is named as owner/name'],
  ['acme/none', { status: 401, json: { error: 'Invalid username or password.' } }, 'the hub answers 401; is the name'],
  ['acme/busy', { status: 503, text: 'busy' }, 'the hub answers 503. What has arrived is kept: try again.'],
  ['acme/page', { text: '<html>' }, 'it is no list of files'],
] satisfies [string, ScriptedRoute, string][])('%s cannot be listed', async (model, route: ScriptedRoute, reason) => {
  await expect(list(model, { [`GET /api/models/${model}`]: route })).rejects.toMatchObject({
    code: 'download_failed',
    message: expect.stringContaining(reason) as string,
  })
})
