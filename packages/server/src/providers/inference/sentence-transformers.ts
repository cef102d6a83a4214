/** Upstream's local embedding models. Nothing here runs their weights yet, so lexical vectors stand in, labelled. */
import * as z from 'zod'
import { defineProvider, StackError } from '@llama-stack/api'
import { embeddingSubstitutes, listEmbeddingSubstitutes, substituteHeaders } from './_lexical-substitutes.ts'

export const provider = defineProvider({
  api: 'inference',
  type: 'inline::sentence-transformers',
  description: 'Local embedding models by their Hugging Face ids; lexical vectors stand in for them, labelled as such.',
  config: z.strictObject({
    trust_remote_code: z
      .boolean()
      .default(false)
      .describe('Accepted for upstream’s files; no code of a model is ever run.'),
  }),
  create() {
    return {
      async embeddings(request) {
        const known = embeddingSubstitutes.find(({ id }) => id === request.model)
        const dimension = known?.dimension ?? request.dimensions
        // A vector of a guessed length would fail much later, in whatever store it was meant for.
        if (dimension === undefined || dimension === null)
          throw new StackError('model_not_found', { model: request.model })
        const { embedLexically } = await import('./_lexical-embeddings.ts')
        return { kind: 'value', value: await embedLexically(request, dimension), headers: substituteHeaders }
      },
      models: () => Promise.resolve(listEmbeddingSubstitutes()),
      health: () => Promise.resolve({ status: 'OK', message: 'lexical vectors stand in for the models' }),
    }
  },
})
