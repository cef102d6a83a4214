/** Models that Ollama serves, on this machine or another. */
import type { JsonObject } from '@llama-stack/api'
import { asRecord } from '../../kernel/json-record.ts'
import { toDialect } from './_dialect.ts'
import type { NativeCall, Operation, OutboundBody } from './_dialect.ts'
import { toOpenAiReply } from './_ollama-reply.ts'
import { saysNativeOptions, toChatBody, toEmbedBody, toGenerateBody } from './_ollama-request.ts'
import { defineOpenAiProvider } from './_openai-provider.ts'
import { renameReasoning } from './_reasoning-name.ts'

const miniLm = { dimension: 384, contextLength: 512 }
const nomic = { dimension: 768, contextLength: 8192 }

const nativeCalls = {
  chat: { path: '/api/chat', toBody: toChatBody, shape: 'chat' },
  completions: { path: '/api/generate', toBody: toGenerateBody, shape: 'text' },
  embeddings: { path: '/api/embed', toBody: toEmbedBody, shape: 'embedding' },
} as const

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
  extraSettings: ['keep_alive', 'num_ctx', 'options'],
  inlineImages: true,
  // Ids are `chatcmpl-` and a number below 1000, so a store of completions would soon hold two of the same.
  overwriteId: true,
  health: { path: '/api/ps', recordedAs: 'ollama' },
  liveListing: {
    path: '/api/tags',
    below: 'root',
    orElse: '/models',
    list: 'models',
    id: 'name',
    types: [{ field: 'capabilities', values: { embedding: 'embedding', completion: 'llm', image: null } }],
    facts: {
      capabilities: 'capabilities',
      parameter_size: 'details.parameter_size',
      quantization: 'details.quantization_level',
    },
    tells: {
      inputs: { image: { at: 'capabilities', has: 'vision' }, audio: { at: 'capabilities', has: 'audio' } },
      tools: { at: 'capabilities', has: 'tools' },
      reasoning: { at: 'capabilities', has: 'thinking' },
    },
    // Servers since August 2026 tell it all in the list.
    details: { path: '/api/show', unless: 'capabilities', version: 'digest', merge: toListDetails },
  },
  defaultTag: ':latest',
  // Upstream fetches embedding models when they are registered, chat models never: those are large.
  pull: { path: '/api/pull', types: ['embedding'] },
  embeddingModels: {
    'all-minilm': miniLm,
    'nomic-embed-text': nomic,
    'mxbai-embed-large': { dimension: 1024, contextLength: 512 },
    'bge-m3': { dimension: 1024, contextLength: 8192 },
    embeddinggemma: { dimension: 768, contextLength: 2048 },
  },
  request: renameReasoning,
  native: toNativeCall,
})

/** The reply of `/api/show` as newer lists have it: the names of its numbers begin with the architecture. */
function toListDetails(reply: unknown): JsonObject {
  const { capabilities, model_info: info, details } = asRecord(reply)
  const facts = asRecord(info)
  const architecture = String(facts['general.architecture'])
  const told = {
    ...asRecord(details),
    context_length: facts[`${architecture}.context_length`],
    embedding_length: facts[`${architecture}.embedding_length`],
  }
  // The reply is parsed JSON; what it lacks is not copied.
  return JSON.parse(JSON.stringify({ capabilities, details: told })) as JsonObject
}

function toNativeCall(body: OutboundBody, operation: Operation, config: JsonObject): NativeCall | undefined {
  if (!saysNativeOptions(body, config)) return undefined
  const { path, toBody, shape } = nativeCalls[operation]
  const streamed = body['stream'] === true
  const usage = asRecord(body['stream_options'])['include_usage'] === true
  return { path, body: toBody(body, config), translate: (reply) => toOpenAiReply(reply, { shape, streamed, usage }) }
}

/** Ollama, through its OpenAI-compatible endpoint, and through its own API for what that one cannot say. */
export const provider = defineOpenAiProvider(dialect)
