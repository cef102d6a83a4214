/** Upstream's local rerank model and others: with onnxruntime-node where it and the files are here, else stood in for. */
import * as z from 'zod'
import { defineProvider, StackError } from '@llama-stack/api'
import type { ProviderModel } from '@llama-stack/api'
import { substituteHeaders } from './_lexical-substitutes.ts'
import { createLateOnnxModels } from './_onnx-late.ts'
import { onnxSettings } from './_onnx-settings.ts'

const SUBSTITUTED = 'Qwen/Qwen3-Reranker-0.6B'

export const provider = defineProvider({
  api: 'inference',
  type: 'inline::transformers',
  description:
    'Local rerank models by their Hugging Face ids, run by the optional onnxruntime-node; where it or the files are missing, lexical scores stand in for Qwen3-Reranker, labelled as such.',
  config: z.strictObject({ ...onnxSettings }),
  create({ id, config, env = {}, log }) {
    const models = createLateOnnxModels({ provider: id, kind: 'rerank', config, env, log })
    return {
      async rerank(request, call) {
        const model = await (await models.get()).find(request.model)
        if (model !== undefined) {
          const { rerankWithModel } = await import('./_onnx-rerank.ts')
          return { kind: 'value', value: await rerankWithModel(model, request, call.signal) }
        }
        if (request.model !== SUBSTITUTED) throw new StackError('model_not_found', { model: request.model })
        const { rerankLexically } = await import('./_lexical-rerank.ts')
        return { kind: 'value', value: rerankLexically(request), headers: substituteHeaders }
      },
      async models() {
        const real = await (await models.get()).list()
        const stoodIn = config.fallback === 'lexical' && real.every((model) => model.id !== SUBSTITUTED)
        const substitute: ProviderModel = { id: SUBSTITUTED, type: 'rerank', metadata: { substitute: 'lexical' } }
        return stoodIn ? [substitute, ...real] : real
      },
      health: async () => (await models.get()).health(),
      [Symbol.asyncDispose]: () => models[Symbol.asyncDispose](),
    }
  },
})
