import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { InferenceProvider, RerankRequest } from '@llama-stack/api'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { silentLog } from '../../kernel/log.ts'
import { offlineCall } from '../../testing/offline-provider.ts'
import { describeWithPackage, optionalPackagesFolder } from '../../testing/optional-package-case.ts'
import {
  TINY_WORDS,
  tinyCausalFiles,
  tinyCrossEncoderFiles,
  tinyEmbeddingFiles,
  writeModelFolder,
} from '../../testing/tiny-onnx-models.ts'
import { onnxRuntimePackage } from './_onnx-runtime.ts'
import { provider } from './transformers.ts'

const QWEN = 'Qwen/Qwen3-Reranker-0.6B'
let models = ''
let local: InferenceProvider

beforeAll(async () => {
  models = await mkdtemp(join(tmpdir(), 'onnx-rerank-'))
  const weights = TINY_WORDS.map((word) => ({ red: 0.1, blue: -0.2, green: 0.3 })[word] ?? 0)
  await writeModelFolder(join(models, 'acme/cross'), tinyCrossEncoderFiles(weights))
  await writeModelFolder(join(models, 'acme/embedding'), tinyEmbeddingFiles())
  await writeModelFolder(join(models, QWEN), tinyCausalFiles())
  local = provider.create({
    id: 'transformers',
    config: provider.config.parse({ models_dir: models, packages_dir: optionalPackagesFolder() }),
    deps: {},
    upstream: { send: () => Promise.reject(new TypeError('no calls go out')), with: (): never => undefined as never },
    log: silentLog,
    clock: { now: () => 0, monotonic: () => 0 },
    signal: new AbortController().signal,
  })
})
afterAll(async () => {
  await local[Symbol.asyncDispose]?.()
  await rm(models, { recursive: true })
})

async function rank(request: Pick<RerankRequest, 'query' | 'items'> & Partial<RerankRequest>) {
  const reply = await local.rerank?.({ model: 'acme/cross', ...request }, offlineCall())
  return { ...reply, data: reply?.value.data ?? [] }
}

const sigmoid = (logit: number): unknown => expect.closeTo(1 / (1 + Math.exp(-logit)), 6)

describeWithPackage(onnxRuntimePackage, 'rerank by onnxruntime-node', () => {
  test('scores pairs with a cross-encoder: probabilities, most relevant first', async () => {
    // The second text counts ten times: the graph is told which is which.
    const { data, headers } = await rank({
      query: 'red',
      items: ['blue', { type: 'text', text: 'green red' }, 'red red'],
    })
    expect(data).toEqual([
      { index: 1, relevance_score: sigmoid(0.1 + 3 + 1) },
      { index: 2, relevance_score: sigmoid(0.1 + 1 + 1) },
      { index: 0, relevance_score: sigmoid(0.1 - 2) },
    ])
    expect(headers).toBeUndefined()
  })

  test('gives as many results as were asked for', async () => {
    const { data } = await rank({ query: 'red', items: ['blue', 'green', 'red'], max_num_results: 1 })
    expect(data.map(({ index }) => index)).toEqual([1])
  })

  test('cuts the longer text of a pair', async () => {
    // Twelve tokens, three of them special: the query has one, the text keeps eight of its thirty.
    const { data } = await rank({ query: 'red', items: [Array.from({ length: 30 }, () => 'green').join(' ')] })
    expect(data).toEqual([{ index: 0, relevance_score: sigmoid(0.1 + 8 * 3) }])
  })

  test('asks Qwen’s model whether the next word is yes or no', async () => {
    const { data } = await rank({ model: QWEN, query: 'cat', items: ['dog', 'cat\ncat', 'bird', 'dog dog'] })
    expect(data).toEqual([
      { index: 1, relevance_score: sigmoid(3) },
      { index: 2, relevance_score: sigmoid(1) },
      { index: 0, relevance_score: sigmoid(0) },
      { index: 3, relevance_score: sigmoid(-1) },
    ])
  })

  test('keeps the question of Qwen’s prompt when a text is too long for it', async () => {
    const { data } = await rank({ model: QWEN, query: 'cat', items: [`dog ${'x'.repeat(10_000)} dog`] })
    expect(data).toEqual([{ index: 0, relevance_score: sigmoid(0) }])
  })

  test('refuses images', async () => {
    const image = { type: 'image_url' as const, image_url: { url: 'data:image/png;base64,AA==' } }
    await expect(rank({ query: 'red', items: [image] })).rejects.toMatchObject({
      code: 'invalid_value',
      param: 'items[0]',
    })
  })

  test('lists rerankers only', async () => {
    expect(await local.models?.(offlineCall())).toEqual([
      { id: QWEN, type: 'rerank', metadata: { context_length: 2048, runtime: 'onnx' } },
      { id: 'acme/cross', type: 'rerank', metadata: { context_length: 12, runtime: 'onnx' } },
    ])
    await expect(rank({ model: 'acme/embedding', query: 'red', items: ['x'] })).rejects.toMatchObject({
      code: 'model_not_found',
    })
  })
})
