import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EmbeddingsRequest, InferenceProvider } from '@llama-stack/api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { silentLog } from '../../kernel/log.ts'
import { offlineCall } from '../../testing/offline-provider.ts'
import { describeWithPackage, optionalPackagesFolder } from '../../testing/optional-package-case.ts'
import { TINY_VECTORS, TINY_WORDS, tinyEmbeddingFiles, writeModelFolder } from '../../testing/tiny-onnx-models.ts'
import { onnxRuntimePackage } from './_onnx-runtime.ts'
import { provider } from './sentence-transformers.ts'

let home = ''
let local: InferenceProvider
const opened: InferenceProvider[] = []

function open(config: object): InferenceProvider {
  const created = provider.create({
    id: 'sentence-transformers',
    config: provider.config.parse({ packages_dir: optionalPackagesFolder(), ...config }),
    deps: {},
    upstream: { send: () => Promise.reject(new TypeError('no calls go out')), with: (): never => undefined as never },
    log: silentLog,
    clock: { now: () => 0, monotonic: () => 0 },
    signal: new AbortController().signal,
    env: { HOME: home },
  })
  opened.push(created)
  return created
}

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'onnx-embeddings-'))
  const models = join(home, '.llama-stack', 'models')
  const files = tinyEmbeddingFiles()
  const pooled = (config: object): object => ({
    ...files,
    '1_Pooling/config.json': { word_embedding_dimension: 2, ...config },
  })
  await writeModelFolder(join(models, 'acme/tiny'), files)
  await writeModelFolder(join(models, 'acme/cls'), { ...pooled({ pooling_mode_cls_token: true }) })
  await writeModelFolder(join(models, 'acme/last'), { ...pooled({ pooling_mode_lasttoken: true }) })
  await writeModelFolder(join(models, 'acme/max-and-mean'), {
    ...pooled({ pooling_mode_max_tokens: true, pooling_mode_mean_tokens: true }),
    'modules.json': [
      { path: '', type: 's.Transformer' },
      { path: '1_Pooling', type: 's.Pooling' },
    ],
  })
  await writeModelFolder(join(models, 'acme/without-prompt'), {
    ...pooled({ pooling_mode_mean_tokens: true, include_prompt: false }),
  })
  await writeModelFolder(join(models, 'nomic-ai/nomic-embed-text-v1.5'), files)
  await writeModelFolder(join(models, 'sentence-transformers/all-MiniLM-L6-v2'), files)
  await writeModelFolder(join(models, 'acme/broken'), { ...files, 'onnx/model.onnx': Buffer.from('not a graph') })
  await writeModelFolder(join(models, 'acme/odd'), { ...files, 'config.json': { hidden_size: 'two' } })
  local = open({})
})
afterAll(async () => {
  for (const created of opened) await created[Symbol.asyncDispose]?.()
  await rm(home, { recursive: true })
})

async function ask(request: Partial<EmbeddingsRequest>, of = local) {
  const reply = await of.embeddings?.({ model: 'acme/tiny', input: '', ...request }, offlineCall())
  if (reply?.kind !== 'value') throw new TypeError('expected a value')
  return { ...reply.value, headers: reply.headers, vectors: reply.value.data.map(({ embedding }) => embedding) }
}

/** What the tiny graph says of a word. */
function vectorOf(word: string): readonly [number, number] {
  return TINY_VECTORS[TINY_WORDS.indexOf(word)] ?? [NaN, NaN]
}

/** The mean of the words' vectors, of length 1, worked out here. */
function meanOf(...words: string[]): number[] {
  const [x, y] = [0, 1].map((at) => words.reduce((sum, word) => sum + (vectorOf(word)[at] ?? 0), 0) / words.length)
  const length = Math.hypot(x ?? 0, y ?? 0)
  return [(x ?? 0) / length, (y ?? 0) / length]
}

const close = (numbers: readonly number[]): unknown[] => numbers.map((number) => expect.closeTo(number, 6) as unknown)

describeWithPackage(onnxRuntimePackage, 'embeddings by onnxruntime-node', () => {
  test('are the mean of the tokens, of length 1, whatever else is in the batch', async () => {
    // [CLS] (1,0), red (3,4), [SEP] (0,1): (4/3, 5/3), divided by its length.
    const [alone] = (await ask({ input: 'red' })).vectors
    expect(alone).toEqual(close([4 / Math.hypot(4, 5), 5 / Math.hypot(4, 5)]))
    const { vectors, usage } = await ask({ input: ['Red', 'blue green redish', 'blue'] })
    expect(vectors).toEqual([
      alone,
      close(meanOf('[CLS]', 'blue', 'green', 'red', '##ish', '[SEP]')),
      close(meanOf('[CLS]', 'blue', '[SEP]')),
    ])
    expect(usage).toEqual({ prompt_tokens: 12, total_tokens: 12 })
  })

  test('carry no sign of a stand-in', async () => {
    expect((await ask({ input: 'red' })).headers).toBeUndefined()
  })

  test('are pooled as the model says', async () => {
    expect((await ask({ model: 'acme/cls', input: 'red' })).vectors).toEqual([close([1, 0])])
    expect((await ask({ model: 'acme/last', input: ['red', 'red blue green'] })).vectors).toEqual([
      close([0, 1]),
      close([0, 1]),
    ])
    const both = await ask({ model: 'acme/max-and-mean', input: ['blue', 'red green'] })
    expect(both.vectors).toEqual([close([1, 4, -2 / 3, 5 / 3]), close([8, 6, 3, 11 / 4])])
  })

  test('see no more of a text than the model takes', async () => {
    const long = await ask({ input: 'red '.repeat(50) })
    expect(long.usage.total_tokens).toBe(8)
    expect(long.vectors).toEqual([close(meanOf('[CLS]', ...Array.from({ length: 6 }, () => 'red'), '[SEP]'))])
    expect(long.vectors).toEqual((await ask({ input: 'red '.repeat(6) })).vectors)
  })

  test('of nothing are those of the special tokens', async () => {
    expect(await ask({ input: '  ' })).toMatchObject({
      vectors: [close(meanOf('[CLS]', '[SEP]'))],
      usage: { total_tokens: 2 },
    })
  })

  test('come in base64 as little-endian floats', async () => {
    const { vectors } = await ask({ input: 'red', encoding_format: 'base64' })
    const bytes = Buffer.from(String(vectors[0]), 'base64')
    expect([bytes.readFloatLE(0), bytes.readFloatLE(4)]).toEqual((await ask({ input: 'red' })).vectors[0])
    expect(bytes.byteLength).toBe(8)
  })

  test('take the model’s own token ids, and no others', async () => {
    const { vectors, usage } = await ask({ input: [4, 5] })
    expect(vectors).toEqual((await ask({ input: 'red blue' })).vectors)
    expect(usage.total_tokens).toBe(4)
    expect((await ask({ input: [[4, 5], [6]] })).vectors).toHaveLength(2)
    await expect(ask({ input: [4, 10] })).rejects.toMatchObject({
      code: 'invalid_value',
      message: expect.stringMatching(/the model has 10 tokens, got token id 10.*Send the text itself/) as string,
    })
  })

  test('put the prompt that was asked for before the text', async () => {
    const asked = close(meanOf('[CLS]', 'query', ':', 'red', '[SEP]'))
    expect((await ask({ input: 'red', input_type: 'query' })).vectors).toEqual([asked])
    expect((await ask({ input: 'red', prompt_name: 'query' })).vectors).toEqual([asked])
    const plain = (await ask({ input: 'red' })).vectors
    expect((await ask({ input: 'red', input_type: 'passage' })).vectors).toEqual(plain)
    await expect(ask({ input: 'red', prompt_name: 'sonnet' })).rejects.toThrow(/It has: query, document/)
  })

  test('leave a prompt out of the mean where the model wants that', async () => {
    const { vectors, usage } = await ask({ model: 'acme/without-prompt', input: 'red', prompt_name: 'query' })
    expect(vectors).toEqual([close(meanOf('red', '[SEP]'))])
    expect(usage.total_tokens).toBe(5)
  })

  test('are shortened where the model was trained for that, and nowhere else', async () => {
    const short = await ask({ model: 'nomic-ai/nomic-embed-text-v1.5', input: 'red', dimensions: 1 })
    expect(short.vectors).toEqual([[1]])
    await expect(ask({ model: 'nomic-ai/nomic-embed-text-v1.5', input: 'red', dimensions: 3 })).rejects.toThrow(
      /2 at most/,
    )
    await expect(ask({ input: 'red', dimensions: 1 })).rejects.toMatchObject({
      code: 'invalid_value',
      param: 'dimensions',
    })
    expect((await ask({ input: 'red', dimensions: 2 })).vectors).toHaveLength(1)
  })

  test('are the same for the short name of a model', async () => {
    const full = await ask({ model: 'sentence-transformers/all-MiniLM-L6-v2', input: 'blue' })
    const short = await ask({ model: 'all-MiniLM-L6-v2', input: 'blue' })
    expect(short.vectors).toEqual(full.vectors)
    expect(short.model).toBe('all-MiniLM-L6-v2')
  })

  test('of a model whose files cannot be run are refused with the reason', async () => {
    await expect(ask({ model: 'acme/broken', input: 'red' })).rejects.toMatchObject({
      code: 'local_model_invalid',
      message: expect.stringMatching(/Model 'acme\/broken' in '.*' cannot be run: .*protobuf/i) as string,
    })
    await expect(ask({ model: 'acme/odd', input: 'red' })).rejects.toThrow(/hidden_size/)
  })

  test('come from a stand-in for models that are not here, and it is said', async () => {
    const { headers, vectors } = await ask({ model: 'BAAI/bge-small-en-v1.5', input: 'red' })
    expect(headers).toEqual({ 'x-llama-stack-substitute': 'lexical' })
    expect(vectors[0]).toHaveLength(384)
  })

  test('come from no stand-in where the operator wants none', async () => {
    const strict = open({ fallback: 'error' })
    await expect(ask({ model: 'BAAI/bge-small-en-v1.5', input: 'red' }, strict)).rejects.toMatchObject({
      code: 'local_model_missing',
      status: 404,
      message: expect.stringMatching(/Run: llama models pull BAAI\/bge-small-en-v1\.5$/) as string,
    })
    expect((await strict.models?.(offlineCall()))?.some(({ metadata }) => 'substitute' in metadata)).toBe(false)
  })

  test('are listed with what is known of their models; a folder that makes no sense is left out', async () => {
    const listed = (await local.models?.(offlineCall())) ?? []
    const metadata = { embedding_dimension: 2, context_length: 8, runtime: 'onnx' }
    expect(Object.fromEntries(listed.map((model) => [model.id, model.metadata]))).toEqual({
      'nomic-ai/nomic-embed-text-v1.5': { ...metadata, matryoshka: true },
      'all-MiniLM-L6-v2': metadata,
      'sentence-transformers/all-MiniLM-L6-v2': metadata,
      'acme/tiny': metadata,
      'acme/cls': metadata,
      'acme/last': metadata,
      'acme/max-and-mean': { ...metadata, embedding_dimension: 4 },
      'acme/without-prompt': metadata,
      'acme/broken': metadata,
    })
    expect(await local.health?.(offlineCall())).toMatchObject({
      status: 'OK',
      message: expect.stringMatching(
        /^8 models can run here, \d of them in memory; lexical stand-ins answer for others$/,
      ) as string,
    })
  })

  test('are real as soon as their model has been fetched, unless a stand-in answered for it before', async () => {
    const folder = join(home, '.llama-stack', 'models', 'acme')
    const { 'onnx/model.onnx': graph = {}, ...rest } = tinyEmbeddingFiles()
    for (const name of ['late', 'later']) await writeModelFolder(join(folder, name), rest)
    const names = async () => ((await local.models?.(offlineCall())) ?? []).map(({ id }) => id)
    expect(await names()).not.toContain('acme/late')
    const standIn = await ask({ model: 'acme/later', input: 'red', dimensions: 2 })
    expect(standIn.headers).toBeDefined()
    for (const name of ['late', 'later']) await writeModelFolder(join(folder, name), { 'onnx/model.onnx': graph })
    expect(await names()).toContain('acme/late')
    expect((await ask({ model: 'acme/late', input: 'red' })).headers).toBeUndefined()
    expect((await ask({ model: 'acme/later', input: 'red', dimensions: 2 })).vectors).toEqual(standIn.vectors)
    expect(await names()).not.toContain('acme/later')
  })

  test('do not depend on how many texts there are', async () => {
    const words = ['red', 'blue', 'green', 'redish']
    const texts = Array.from({ length: 500 }, (_, index) => {
      const hash = createHash('md5').update(String(index)).digest()
      return Array.from({ length: (hash[0] ?? 0) % 7 }, (_unused, at) => words[(hash[at + 1] ?? 0) % 4]).join(' ')
    })
    const together = await ask({ input: texts })
    for (const index of [0, 77, 250, 499]) {
      const [alone] = (await ask({ input: texts[index] ?? '' })).vectors
      expect(together.vectors[index]).toEqual(alone)
    }
  })
})

describe('without onnxruntime-node', () => {
  test('stand-ins answer, or an error with the command that installs it', async ({ skip }) => {
    const nowhere = { packages_dir: home }
    const standIn = await open(nowhere).health?.(offlineCall())
    skip(standIn?.message?.includes('can run here') === true, 'onnxruntime-node is installed beside the program')
    expect(standIn).toEqual({ status: 'OK', message: 'onnxruntime-node is not installed: lexical stand-ins answer' })
    const strict = open({ ...nowhere, fallback: 'error' })
    await expect(ask({ input: 'red' }, strict)).rejects.toMatchObject({
      code: 'optional_package_missing',
      message: expect.stringMatching(
        /Run: ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node@1\.30\.0$/,
      ) as string,
    })
    expect(await strict.health?.(offlineCall())).toMatchObject({ status: 'Error' })
  })
})
