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
  const files = await listModelFiles(model, {
    upstream,
    endpoint: `${hub.url}/`,
    ...(token === undefined ? {} : { token }),
  })
  return { files, requests: hub.requests, url: hub.url }
}

test('what a model needs is its graph, the weights beside it, and the small files that say how it is used', async () => {
  const { files, url, requests } = await list(
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
  expect(files.map(({ path }) => path)).toEqual([
    'config.json',
    'modules.json',
    '1_Pooling/config.json',
    'tokenizer.json',
    'onnx/model.onnx',
    'onnx/model.onnx_data',
  ])
  expect(files.find(({ path }) => path === 'onnx/model.onnx')).toEqual({
    path: 'onnx/model.onnx',
    url: `${url}/BAAI/bge-m3/resolve/c0ffee/onnx/model.onnx`,
    bytes: 5000,
    sha256: 'ab'.repeat(32),
  })
  expect(files[0]).toMatchObject({ bytes: 100, sha256: undefined })
  expect(requests[0]?.headers['authorization']).toBe('Bearer hf_secret')
})

test('a smaller graph is taken where there is no full one', async () => {
  const { files } = await list('all-MiniLM-L6-v2', {
    'GET /api/models/sentence-transformers/all-MiniLM-L6-v2': listing(
      'onnx/model_fp16.onnx',
      'onnx/model_quantized.onnx',
    ),
  })
  expect(files.map(({ path }) => path)).toEqual(['onnx/model_quantized.onnx'])
})

test('a graph that somebody else published is combined with the model’s own files', async () => {
  const { files, url } = await list('Qwen/Qwen3-Reranker-0.6B', {
    'GET /api/models/Qwen/Qwen3-Reranker-0.6B': listing('config.json', 'tokenizer.json', 'model.safetensors'),
    'GET /api/models/onnx-community/Qwen3-Reranker-0.6B-ONNX': listing('config.json', 'onnx/model_quantized.onnx'),
  })
  expect(files.map((file) => file.url)).toEqual([
    `${url}/Qwen/Qwen3-Reranker-0.6B/resolve/c0ffee/config.json`,
    `${url}/Qwen/Qwen3-Reranker-0.6B/resolve/c0ffee/tokenizer.json`,
    `${url}/onnx-community/Qwen3-Reranker-0.6B-ONNX/resolve/c0ffee/onnx/model_quantized.onnx`,
  ])
})

test.each([
  ['acme/chat', { 'GET /api/models/acme/chat': listing('config.json', 'model.safetensors') }, 'local_model_missing'],
  ['../etc/passwd', {}, 'local_model_missing'],
  [
    'acme/none',
    { 'GET /api/models/acme/none': { status: 401, json: { error: 'Invalid username or password.' } } },
    'download_failed',
  ],
  ['acme/page', { 'GET /api/models/acme/page': { text: '<html>' } }, 'download_failed'],
])('%s cannot be listed', async (model, routes: Record<string, ScriptedRoute>, code) => {
  await expect(list(model, routes)).rejects.toMatchObject({ code })
})
