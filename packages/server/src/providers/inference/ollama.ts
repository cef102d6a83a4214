/** Models that Ollama serves, on this machine or another. */
import { toDialect } from './_dialect.ts'
import { defineOpenAiProvider } from './_openai-provider.ts'

const miniLm = { dimension: 384, contextLength: 512 }
const nomic = { dimension: 768, contextLength: 8192 }

/**
 * OGX's notes have a default `reasoning_effort` of `none` here. None of the recorded chats carries one that its client
 * did not send, and a body with one more field would find no recording, so nothing is added.
 */
const dialect = toDialect({
  type: 'remote::ollama',
  description: 'Models served by Ollama, on this machine or another.',
  baseUrl: 'http://localhost:11434/v1',
  rootSettings: ['url'],
  urlEnv: 'OLLAMA_URL',
  providerData: 'ollama_api_key',
  keyless: 'always',
  inlineImages: true,
  // Ids are `chatcmpl-` and a number below 1000, so a store of completions would soon hold two of the same.
  overwriteId: true,
  health: { path: '/api/ps', recordedAs: 'ollama' },
  embeddingModels: {
    'all-minilm': miniLm,
    'nomic-embed-text': nomic,
    'mxbai-embed-large': { dimension: 1024, contextLength: 512 },
    'bge-m3': { dimension: 1024, contextLength: 8192 },
    embeddinggemma: { dimension: 768, contextLength: 2048 },
  },
})

/** Ollama, through its OpenAI-compatible endpoint. */
export const provider = defineOpenAiProvider(dialect)
