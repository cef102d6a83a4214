/** Embeddings and rerank without a model: texts are compared by their words. Good for search, blind to synonyms. */
import * as z from 'zod'
import { defineProvider, StackError } from '@llama-stack/api'
import { MAX_DIMENSION } from './_lexical-limits.ts'

const RERANK_MODEL = 'lexical-rerank'

const EmbeddingModel = z.strictObject({
  id: z.string().min(1).describe('The model id; the provider id goes before it.'),
  dimension: z.int().min(1).max(MAX_DIMENSION).default(384).describe('Length of its vectors.'),
  context_length: z.int().min(1).default(8192).describe('Tokens per text that are announced. Longer texts work too.'),
})

const config = z.strictObject({
  models: z
    .array(EmbeddingModel)
    .min(1)
    .default([{ id: 'lexical-embedding', dimension: 384, context_length: 8192 }])
    .describe('The embedding models to offer. Default: lexical-embedding with 384 dimensions.'),
})

export const provider = defineProvider({
  api: 'inference',
  type: 'inline::lexical',
  description: 'Embeddings and rerank by shared words and letters: no model, no network, deterministic.',
  config,
  create({ config: { models } }) {
    return {
      openModels: false,
      async embeddings(request) {
        const model = models.find(({ id }) => id === request.model)
        if (model === undefined) throw new StackError('model_not_found', { model: request.model })
        const { embedLexically } = await import('./_lexical-embeddings.ts')
        return { kind: 'value', value: await embedLexically(request, model.dimension) }
      },
      async rerank(request) {
        if (request.model !== RERANK_MODEL) throw new StackError('model_not_found', { model: request.model })
        const { rerankLexically } = await import('./_lexical-rerank.ts')
        return { kind: 'value', value: rerankLexically(request) }
      },
      models: () =>
        Promise.resolve([
          ...models.map((model) => ({
            id: model.id,
            type: 'embedding' as const,
            metadata: {
              embedding_dimension: model.dimension,
              context_length: model.context_length,
              method: 'lexical',
            },
          })),
          { id: RERANK_MODEL, type: 'rerank' as const, metadata: { method: 'lexical' } },
        ]),
      health: () => Promise.resolve({ status: 'OK' }),
    }
  },
})
