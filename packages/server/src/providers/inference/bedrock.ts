/** Models of Amazon Bedrock, by a key of its own or by signed calls. */
import { defineProvider } from '@llama-stack/api'
import type { InferenceProvider } from '@llama-stack/api'
import { lazy } from '../../kernel/lazy.ts'
import { CALLER_KEY, KEY_VARIABLE, NO_ENVIRONMENT, toBedrockSchema, whyBedrockIsOff } from './_bedrock-settings.ts'

const schema = lazy(toBedrockSchema)

export const provider = defineProvider({
  api: 'inference',
  type: 'remote::bedrock',
  description: 'Models of Amazon Bedrock: chats by OpenAI’s protocol or by Converse, embeddings and reranking.',
  // Built when it is asked for: a start with one vendor must not pay for the schemas of all.
  get config() {
    return schema()
  },
  credential: { providerData: CALLER_KEY, env: KEY_VARIABLE },
  off: (settings, env = NO_ENVIRONMENT) => whyBedrockIsOff(settings, env),
  create(input): InferenceProvider {
    // Most servers have Bedrock in their configuration and never call it.
    const instance = lazy(async () => (await import('./_bedrock-instance.ts')).createBedrock(input))
    return {
      chatCompletion: async (request, call) => (await instance()).chatCompletion(request, call),
      embeddings: async (request, call) => (await instance()).embeddings(request, call),
      rerank: async (request, call) => (await instance()).rerank(request, call),
      models: async (call) => (await instance()).models(call),
      health: async (call) => (await instance()).health(call),
      catalog: 'bedrock',
    }
  },
})
