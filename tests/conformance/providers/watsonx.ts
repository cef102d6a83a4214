/** IBM watsonx.ai: OpenAI's chats behind tokens of IAM, embeddings and rerank in its own words. */
import { asRecord } from '../../../packages/server/src/kernel/json-record.ts'
import { provider as definition } from '../../../packages/server/src/providers/inference/watsonx.ts'
import type { ConformanceDeclaration } from '../../../packages/server/src/testing/conformance/declaration.ts'
import { toOpenAiScript } from '../../../packages/server/src/testing/conformance/openai-script.ts'
import type {
  EmbeddingsScript,
  RerankScript,
  VendorScript,
} from '../../../packages/server/src/testing/conformance/vendor-script.ts'
import type { ScriptedRoute } from '../../../packages/server/src/testing/scripted-upstream.ts'

const LIST = 'GET /ml/v1/models'
const SPECIFICATIONS = 'GET /ml/v1/foundation_model_specs'
const FUNCTIONS = { llm: 'text_chat', embedding: 'embedding', rerank: 'rerank' } as const

/** A token says whose key bought it. */
const sellToken: ScriptedRoute = (request) => {
  const key = new URLSearchParams(request.body).get('apikey')
  return { json: { access_token: `token-of-${key}`, token_type: 'Bearer', expires_in: 3600 } }
}

const embeddings: EmbeddingsScript = {
  read(request) {
    const { model_id: model, inputs } = asRecord(request.json())
    return { model: String(model), input: [inputs].flat().map(String) }
  },
  reply: ({ vectors, inputTokens }, { model }) => ({
    json: { model_id: model, results: vectors.map((embedding) => ({ embedding })), input_token_count: inputTokens },
  }),
}

const rerank: RerankScript = {
  read(request) {
    const { model_id: model, query, inputs } = asRecord(request.json())
    const documents = [inputs].flat().map((input) => String(asRecord(input)['text']))
    return { model: String(model), query: String(query), documents }
  },
  reply: (scores) => ({ json: { results: scores.map((score, index) => ({ index, score })), input_token_count: 9 } }),
}

const models: VendorScript['models'] = (listed) => ({
  [LIST]: { json: { object: 'list', data: listed.map(({ id }) => ({ id, object: 'model' })) } },
  [SPECIFICATIONS]: {
    json: { resources: listed.map(({ id, type }) => ({ model_id: id, functions: [{ id: FUNCTIONS[type] }] })) },
  },
})

const openAi = toOpenAiScript({
  models,
  health: { [SPECIFICATIONS]: { json: { resources: [] } } },
  routes: { 'POST /identity/token': sellToken },
})
const { completion: _completion, ...chats } = openAi

export const declarations: readonly ConformanceDeclaration[] = [
  {
    definition,
    models: { chat: 'ibm/granite-4-h-small', embedding: 'ibm/slate-30m', rerank: 'ms-marco-minilm' },
    subject: {
      kind: 'scripted',
      script: {
        ...chats,
        embeddings,
        rerank,
        credential: (request) => openAi.credential(request)?.replace('token-of-', ''),
      },
      config: ({ url, key }) => ({
        base_url: url,
        iam_url: url,
        project_id: 'project-1',
        ...(key !== undefined && { api_key: key }),
      }),
    },
    skips: {
      'text completions': 'the vendor has none',
      dimensions: 'each model has one',
    },
  },
]
