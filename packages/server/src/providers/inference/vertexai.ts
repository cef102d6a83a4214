/** Google Vertex AI: Gemini by its native API, models of other publishers by the OpenAI-compatible endpoint. */
import { defineProvider, StackError } from '@llama-stack/api'
import type { InferenceProvider } from '@llama-stack/api'
import { createIds } from '../../kernel/ids.ts'
import { CallSignatures } from './_call-signatures.ts'
import { VertexAccess } from './_vertex-access.ts'
import { askGemini } from './_vertex-chat.ts'
import { embedWithVertex } from './_vertex-embeddings.ts'
import { checkVertexHealth, listVertexModels } from './_vertex-listing.ts'
import { isSameModel, parseVertexModel } from './_vertex-models.ts'
import type { VertexModel } from './_vertex-models.ts'
import { askPartnerModel } from './_vertex-partner.ts'
import { VertexSettings, whyVertexIsOff } from './_vertex-settings.ts'

/** Google Vertex AI. */
export const provider = defineProvider({
  api: 'inference',
  type: 'remote::vertexai',
  description: 'Google Vertex AI: Gemini by its native API, models of other publishers too.',
  config: VertexSettings,
  // No variable: a token ends within the hour, and Google's own variable names a file.
  credential: { providerData: 'vertex_access_token', optional: true },
  off: whyVertexIsOff,
  create(input): InferenceProvider {
    const { id, config, clock } = input
    const access = new VertexAccess(input)
    const chats = { provider: id, access, signatures: new CallSignatures(), ids: createIds(), clock }
    const isAllowed = (model: string): boolean =>
      config.allowed_models?.some((allowed) => isSameModel(allowed, model)) ?? true
    const expectModel = (model: string): VertexModel => {
      if (!isAllowed(model)) throw new StackError('model_not_found', { model })
      return parseVertexModel(model)
    }
    return {
      async chatCompletion(request, call) {
        const model = expectModel(request.model)
        if (model.kind === 'google') return askGemini(chats, { model, request, call })
        const accounting = input.accounting === true
        return askPartnerModel({ access, model: model.name, request, call, accounting })
      },
      async embeddings(request, call) {
        const model = expectModel(request.model)
        if (model.kind === 'partner') {
          throw new StackError('operation_unsupported', { operation: 'embeddings of other publishers', provider: id })
        }
        return { kind: 'value', value: await embedWithVertex({ provider: id, access, model, request, call }) }
      },
      async models(call) {
        if (config.skip_model_availability === true || !access.hasToken(call)) return undefined
        const listed = await listVertexModels({ provider: id, access, call })
        return listed.filter((model) => isAllowed(model.id))
      },
      catalog: 'vertexai',
      health: (call) => checkVertexHealth({ provider: id, access, call }),
    }
  },
})
