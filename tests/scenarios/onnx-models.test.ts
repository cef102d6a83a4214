import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { onnxRuntimePackage } from '../../packages/server/src/providers/inference/_onnx-runtime.ts'
import { describeWithPackage, optionalPackagesFolder } from '../../packages/server/src/testing/optional-package-case.ts'
import {
  tinyCrossEncoderFiles,
  tinyEmbeddingFiles,
  writeModelFolder,
} from '../../packages/server/src/testing/tiny-onnx-models.ts'
import { doors, withStack } from './stack-under-test.ts'

const models = mkdtempSync(join(tmpdir(), 'onnx-models-'))
const settings = { models_dir: models, packages_dir: optionalPackagesFolder() }
const config = {
  providers: [
    { api: 'inference', id: 'sentence-transformers', type: 'inline::sentence-transformers', config: settings },
    { api: 'inference', id: 'transformers', type: 'inline::transformers', config: settings },
  ],
}

beforeAll(async () => {
  await writeModelFolder(join(models, 'acme/tiny'), tinyEmbeddingFiles())
  await writeModelFolder(join(models, 'acme/cross'), tinyCrossEncoderFiles([0, 0, 0, 0, 1, -1, 2, 0, 0, 0]))
})
afterAll(() => rmSync(models, { recursive: true }))

describeWithPackage(onnxRuntimePackage, 'models of this machine', () => {
  test.each(doors)('[R006, B051] embed through the %s: no stand-in, real counts, either encoding', async (door) => {
    await withStack({ door, config }, async ({ call }) => {
      const ask = { model: 'sentence-transformers/acme/tiny', input: ['red', 'red redish'] }
      const response = await call('POST /v1/embeddings', ask)
      expect(response.headers.get('x-llama-stack-substitute')).toBeNull()
      const length = Math.hypot(4, 5)
      expect(await response.json()).toEqual({
        object: 'list',
        model: ask.model,
        data: [
          { object: 'embedding', index: 0, embedding: [expect.closeTo(4 / length, 6), expect.closeTo(5 / length, 6)] },
          { object: 'embedding', index: 1, embedding: [expect.any(Number), expect.any(Number)] },
        ],
        usage: { prompt_tokens: 8, total_tokens: 8 },
      })
      const encoded = await (await call('POST /v1/embeddings', { ...ask, encoding_format: 'base64' })).json()
      const { data } = encoded as { data: { embedding: string }[] }
      expect(Buffer.from(data[0]?.embedding ?? '', 'base64').readFloatLE(0)).toBeCloseTo(4 / length, 6)
    })
  })

  test.each(doors)('[R007, B051] rerank through the %s in both shapes', async (door) => {
    await withStack({ door, config }, async ({ call }) => {
      const ask = { model: 'transformers/acme/cross', query: 'red' }
      const upstream = { ...ask, items: ['blue', 'green', 'red'], max_num_results: 2 }
      expect(await (await call('POST /v1alpha/inference/rerank', upstream)).json()).toMatchObject({
        data: [{ index: 1 }, { index: 2 }],
      })
      const jina = { ...ask, documents: ['blue', 'green'], top_n: 1 }
      expect(await (await call('POST /v1/rerank', jina)).json()).toMatchObject({ results: [{ index: 1 }] })
    })
  })

  test.each(doors)('[R038] are listed through the %s with what is known of them', async (door) => {
    await withStack({ door, config }, async ({ stack, call }) => {
      await stack.refreshModels()
      const { data } = (await (await call('GET /v1/models')).json()) as { data: { id: string }[] }
      expect(data.find(({ id }) => id === 'sentence-transformers/acme/tiny')).toMatchObject({
        custom_metadata: { embedding_dimension: 2, context_length: 8, runtime: 'onnx' },
      })
    })
  })
})
