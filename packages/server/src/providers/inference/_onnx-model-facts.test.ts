import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  tinyCausalFiles,
  tinyCrossEncoderFiles,
  tinyEmbeddingFiles,
  writeModelFolder,
} from '../../testing/tiny-onnx-models.ts'
import { findModelFacts } from './_onnx-model-facts.ts'
import { listCandidateFolders, listModelFolderIds, toModelFolders } from './_onnx-model-search.ts'
import { findHubId } from './_onnx-model-sources.ts'

let root = ''
let count = 0
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'onnx-facts-'))
})
afterAll(() => rm(root, { recursive: true }))

async function read(files: Record<string, object>, place: { id?: string; contextLength?: number } = {}) {
  count += 1
  const directory = join(root, `folder-${count}`)
  await writeModelFolder(directory, files)
  return findModelFacts({ id: 'acme/tiny', contextLength: undefined, ...place, directory })
}

/** The files of the tiny embedding model, some of them replaced, or left out where undefined. */
const changed = (files: Record<string, object | undefined>): Record<string, object> =>
  Object.fromEntries(
    Object.entries({ ...tinyEmbeddingFiles(), ...files }).flatMap(([name, content]) =>
      content === undefined ? [] : [[name, content]],
    ),
  )

describe('the files of an embedding model', () => {
  test('say how it pools, how long its vectors are and how long its texts may be', async () => {
    expect(await read(tinyEmbeddingFiles())).toMatchObject({
      id: 'acme/tiny',
      contextLength: 8,
      vocabularySize: 10,
      typeCount: 2,
      paddingToken: '[PAD]',
      task: {
        kind: 'embedding',
        dimension: 2,
        pooling: ['mean'],
        poolsPrompt: true,
        normalizes: true,
        prompts: { query: 'query: ', document: '' },
        shortens: false,
      },
    })
  })

  test.each([
    [{ word_embedding_dimension: 2, pooling_mode_cls_token: true, pooling_mode_mean_tokens: false }, ['cls']],
    [{ word_embedding_dimension: 2, pooling_mode_lasttoken: true }, ['lasttoken']],
    [{ word_embedding_dimension: 2, pooling_mode: 'lasttoken' }, ['lasttoken']],
    [{ word_embedding_dimension: 2, pooling_mode_mean_tokens: true, pooling_mode_max_tokens: true }, ['max', 'mean']],
  ])('name the pooling: %j', async (config, pooling) => {
    const facts = await read(changed({ '1_Pooling/config.json': config }))
    expect(facts?.task).toMatchObject({ pooling, dimension: 2 * pooling.length })
  })

  test('without modules mean what sentence-transformers makes of them', async () => {
    const facts = await read(changed({ 'modules.json': undefined, 'config_sentence_transformers.json': undefined }))
    expect(facts?.task).toMatchObject({ pooling: ['mean'], normalizes: false, prompts: {}, dimension: 2 })
  })

  test.each([
    [{ model_max_length: 1e30 }, { model_type: 'bert', max_position_embeddings: 64 }, 64],
    [{ model_max_length: 32 }, { model_type: 'bert', max_position_embeddings: 64 }, 32],
    [{}, { model_type: 'xlm-roberta', max_position_embeddings: 514 }, 512],
    [{}, { model_type: 'nomic_bert', n_positions: 8192 }, 8192],
    [{}, { model_type: 'bert' }, 512],
  ])('limit the texts: %j, %j', async (tokenizer, config, contextLength) => {
    const files = { 'sentence_bert_config.json': undefined, 'tokenizer_config.json': tokenizer }
    const facts = await read(changed({ ...files, 'config.json': { hidden_size: 2, ...config } }))
    expect(facts?.contextLength).toBe(contextLength)
  })

  test('yield to the operator where he wants less', async () => {
    expect((await read(tinyEmbeddingFiles(), { contextLength: 5 }))?.contextLength).toBe(5)
    expect((await read(tinyEmbeddingFiles(), { contextLength: 500 }))?.contextLength).toBe(8)
  })

  test('or the card name prompts; those of the files come first', async () => {
    const id = 'nomic-ai/nomic-embed-text-v1.5'
    const silent = await read(changed({ 'config_sentence_transformers.json': undefined }), { id })
    expect(silent?.task).toMatchObject({ prompts: { query: 'search_query: ', document: 'search_document: ' } })
    expect((await read(tinyEmbeddingFiles(), { id }))?.task).toMatchObject({
      prompts: { query: 'query: ', document: '' },
    })
  })

  test('or the card say that vectors may be shortened', async () => {
    const config = { ...tinyEmbeddingFiles()['config.json'], matryoshka_dimensions: [1, 2] }
    expect((await read(changed({ 'config.json': config })))?.task).toMatchObject({ shortens: true })
    const nomic = await read(tinyEmbeddingFiles(), { id: 'nomic-ai/nomic-embed-text-v1.5' })
    expect(nomic?.task).toMatchObject({ shortens: true })
  })
})

describe('the files of a reranker', () => {
  test('name a cross-encoder by its architecture', async () => {
    expect((await read(tinyCrossEncoderFiles([1])))?.task).toEqual({ kind: 'rerank', reads: 'label', prompted: false })
  })

  test('do not tell Qwen’s from a chat model: its name does', async () => {
    expect(await read(tinyCausalFiles(), { id: 'Qwen/Qwen3-Reranker-0.6B' })).toMatchObject({
      task: { kind: 'rerank', reads: 'yes_no', prompted: true },
      contextLength: 2048,
      graph: expect.stringMatching(/model_quantized\.onnx$/) as string,
    })
  })
})

describe('a folder', () => {
  test('of a chat model embeds nothing', async () => {
    expect(await read(tinyCausalFiles(), { id: 'acme/chat' })).toBeUndefined()
  })

  test.each(['config.json', 'tokenizer.json', 'onnx/model.onnx'])('without %s holds no model', async (name) => {
    expect(await read(changed({ [name]: undefined }))).toBeUndefined()
  })

  test.each([
    [{ 'config.json': Buffer.from('{') }, /config\.json is not JSON/],
    [{ 'config.json': { hidden_size: 'two' } }, /config\.json is not as expected at 'hidden_size'/],
    [{ 'modules.json': [{ type: 'sentence_transformers.models.Dense', path: '2_Dense' }] }, /models\.Dense/],
    [{ 'config.json': {}, '1_Pooling/config.json': undefined }, /how long its vectors are/],
  ])('whose files make no sense is an error that names the reason: %#', async (files, message) => {
    await expect(read(changed(files))).rejects.toMatchObject({
      code: 'local_model_invalid',
      status: 500,
      message: expect.stringMatching(message) as string,
    })
  })
})

describe('models are looked for', () => {
  test('in our folder, then in the cache of Hugging Face as its variables place it', () => {
    expect(toModelFolders({ HOME: '/h' }, undefined)).toEqual({
      models: join('/h/.llama-stack/models'),
      hub: join('/h/.cache/huggingface/hub'),
    })
    expect(toModelFolders({ HOME: '/h', HF_HOME: '/f' }, '/m')).toEqual({ models: '/m', hub: join('/f/hub') })
    expect(toModelFolders({ HOME: '/h', HF_HUB_CACHE: '/c' }, undefined).hub).toBe('/c')
    expect(toModelFolders({}, undefined)).toEqual({ models: undefined, hub: undefined })
  })

  test('by their ids on the hub, in both layouts', async () => {
    const folders = { models: join(root, 'models'), hub: join(root, 'hub') }
    const cached = join(folders.hub, 'models--acme--two--parts')
    await mkdir(join(cached, 'refs'), { recursive: true })
    await writeFile(join(cached, 'refs', 'main'), 'abc123\n')
    await mkdir(join(folders.models, 'acme', 'one'), { recursive: true })
    await symlink(join(folders.models, 'acme', 'one'), join(folders.models, 'acme', 'linked'))
    expect(await listModelFolderIds(folders)).toEqual(['acme/linked', 'acme/one', 'acme/two--parts'])
    expect(await listCandidateFolders('acme/two--parts', folders)).toEqual([
      join(folders.models, 'acme', 'two--parts'),
      join(cached, 'snapshots', 'abc123'),
    ])
  })

  test('nowhere outside of the folders', () => {
    expect(['../etc', '/etc/passwd', 'a/../b', 'a/b/c', '..', 'a\\b', ''].map(findHubId)).toEqual(
      Array.from({ length: 7 }, () => undefined),
    )
    expect(findHubId('all-MiniLM-L6-v2')).toBe('sentence-transformers/all-MiniLM-L6-v2')
  })
})
