/** Models of IBM watsonx.ai. */
import type { JsonObject, ProviderCall } from '@llama-stack/api'
import { toDialect } from './_dialect.ts'
import { findText } from './_json-shape.ts'
import { createOpenAiProtocol } from './_openai-protocol.ts'
import { defineOpenAiProvider } from './_openai-provider.ts'
import { toProtocolContext } from './_protocol-context.ts'
import { whyOff } from './_provider-settings.ts'
import { rerankDocuments } from './_rerank.ts'
import { createWatsonxAccess } from './_watsonx-access.ts'
import { embedByWatsonx } from './_watsonx-embeddings.ts'
import { listWatsonxModels } from './_watsonx-models.ts'

const dialect = toDialect({
  type: 'remote::watsonx',
  description: 'IBM watsonx.ai.',
  baseUrl: 'https://us-south.ml.cloud.ibm.com/ml/v1',
  rootSettings: ['base_url', 'url'],
  urlEnv: 'WATSONX_BASE_URL',
  apiPath: '/ml/v1',
  query: '?version=2023-10-25',
  extraSettings: ['project_id', 'iam_url', 'timeout'],
  env: 'WATSONX_API_KEY',
  providerData: 'watsonx_api_key',
  auth: 'exchanged',
  completions: false,
  // «Url must be a base64 encoded image and cannot start with 'http'», says the vendor.
  inlineImages: true,
  droppedFields: { chat: ['parallel_tool_calls'] },
  rerank: { kind: 'shared', paths: [{ path: '/text/rerank', below: 'base', shape: 'inputs' }], images: 'none' },
  health: { path: '/ml/v1/foundation_model_specs?limit=1' },
  listing: undefined,
})

/** IBM watsonx.ai: chat by its OpenAI-compatible endpoint, embeddings and rerank by its own API. */
export const provider = defineOpenAiProvider(dialect, {
  off: (settings) =>
    whyOff(dialect, settings) ??
    (findText(settings.project_id) === undefined ? 'no project; set project_id (WATSONX_PROJECT_ID)' : undefined),
  create(input) {
    const context = toProtocolContext(dialect, input, createWatsonxAccess(input))
    const protocol = createOpenAiProtocol(context)
    const ownProject = findText(input.config.project_id)
    const projectOf = (call: ProviderCall): string | undefined =>
      findText(call.providerData['watsonx_project_id']) ?? ownProject
    const inProject = <Request extends object>(request: Request, call: ProviderCall): Request & JsonObject => {
      const project = projectOf(call)
      return { ...request, ...(project !== undefined && { project_id: project }) }
    }
    return {
      ...protocol,
      chatCompletion: (request, call) => protocol.chatCompletion(inProject(request, call), call),
      async embeddings(request, call) {
        return { kind: 'value', value: await embedByWatsonx(context, inProject(request, call), call) }
      },
      async rerank(request, call) {
        return { kind: 'value', value: await rerankDocuments(context, inProject(request, call), call) }
      },
      models: (call) =>
        listWatsonxModels(context, { call, project: projectOf(call), replaying: input.replaying === true }),
    }
  },
})
