/** Upstream's local rerank model. Nothing here runs its weights yet, so lexical scores stand in, labelled. */
import * as z from 'zod'
import { defineProvider, StackError } from '@llama-stack/api'
import { substituteHeaders } from './_lexical-substitutes.ts'

const MODEL = 'Qwen/Qwen3-Reranker-0.6B'

export const provider = defineProvider({
  api: 'inference',
  type: 'inline::transformers',
  description: 'The local rerank model by its Hugging Face id; lexical scores stand in for it, labelled as such.',
  config: z.strictObject({}),
  create() {
    return {
      openModels: false,
      async rerank(request) {
        if (request.model !== MODEL) throw new StackError('model_not_found', { model: request.model })
        const { rerankLexically } = await import('./_lexical-rerank.ts')
        return { kind: 'value', value: rerankLexically(request), headers: substituteHeaders }
      },
      models: () => Promise.resolve([{ id: MODEL, type: 'rerank' as const, metadata: { substitute: 'lexical' } }]),
      health: () => Promise.resolve({ status: 'OK', message: 'lexical scores stand in for the model' }),
    }
  },
})
