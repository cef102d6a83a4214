/** Upstream's local embedding models: with onnxruntime-node where it and the model's files are here, else stood in for. */
import * as z from 'zod'
import { defineProvider, StackError } from '@llama-stack/api'
import type { EmbeddingsRequest, EmbeddingsResponse, ProviderModel } from '@llama-stack/api'
import { embeddingSubstitutes, listEmbeddingSubstitutes, substituteHeaders } from './_lexical-substitutes.ts'
import { createLateOnnxModels } from './_onnx-late.ts'
import { findHubId } from './_onnx-model-sources.ts'
import { onnxSettings } from './_onnx-settings.ts'

export const provider = defineProvider({
  api: 'inference',
  type: 'inline::sentence-transformers',
  description:
    'Local embedding models by their Hugging Face ids, run by the optional onnxruntime-node; where it or a model’s files are missing, lexical vectors stand in, labelled as such.',
  config: z.strictObject({
    trust_remote_code: z
      .boolean()
      .default(false)
      .describe('Accepted for upstream’s files; no code of a model is ever run.'),
    ...onnxSettings,
  }),
  create({ id, config, env = {}, log }) {
    const models = createLateOnnxModels({ provider: id, kind: 'embedding', config, env, log })
    return {
      async embeddings(request, call) {
        const model = await (await models.get()).find(request.model)
        if (model === undefined)
          return { kind: 'value', value: await embedWithSubstitute(request), headers: substituteHeaders }
        const { embedWithModel } = await import('./_onnx-embeddings.ts')
        return { kind: 'value', value: await embedWithModel(model, request, call.signal) }
      },
      models: async () => mergeListed(await (await models.get()).list(), config.fallback === 'lexical'),
      health: async () => (await models.get()).health(),
      [Symbol.asyncDispose]: () => models[Symbol.asyncDispose](),
    }
  },
})

async function embedWithSubstitute(request: EmbeddingsRequest): Promise<EmbeddingsResponse> {
  const known = embeddingSubstitutes.find(({ id }) => id === request.model)
  const dimension = known?.dimension ?? request.dimensions
  // A vector of a guessed length would fail much later, in whatever store it was meant for.
  if (dimension === undefined || dimension === null) throw new StackError('model_not_found', { model: request.model })
  const { embedLexically } = await import('./_lexical-embeddings.ts')
  return embedLexically(request, dimension)
}

/** The models that run here, also under their short names, and the stand-ins of those that do not. */
function mergeListed(real: readonly ProviderModel[], hasSubstitutes: boolean): ProviderModel[] {
  const byId = new Map(real.map((model) => [model.id, model]))
  const usual = listEmbeddingSubstitutes().flatMap((substitute) => {
    const model = byId.get(findHubId(substitute.id) ?? '')
    if (model !== undefined) return [{ ...model, id: substitute.id }]
    return hasSubstitutes ? [substitute] : []
  })
  const names = new Set(usual.map(({ id }) => id))
  return [...usual, ...real.filter(({ id }) => !names.has(id))]
}
