/** The operations of an inference provider, as they are asked for and as errors name them. */
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionRequest,
  Completion,
  CompletionChunk,
  CompletionRequest,
  EmbeddingsRequest,
  Reply,
  RerankRequest,
  RerankResponse,
} from '@llama-stack/api'
import type { ProviderOperation } from './ask-provider.ts'
import type { CompletionKind } from './completion-operation.ts'
import type { EmbeddingsRelayOptions } from './relay-embeddings.ts'

/** A reply that is a value and never a stream. */
export type ValueReply<Value> = Extract<Reply<Value>, { kind: 'value' }>

export const chat = Object.freeze<CompletionKind<ChatCompletionRequest, ChatCompletion, ChatCompletionChunk>>({
  name: 'chat completions',
  shape: 'chat',
  send: (provider, request, context) => provider.chatCompletion?.(request, context),
})

export const text = Object.freeze<CompletionKind<CompletionRequest, Completion, CompletionChunk>>({
  name: 'text completions',
  shape: 'text',
  send: (provider, request, context) => provider.completion?.(request, context),
})

export const embeddings = Object.freeze<ProviderOperation<EmbeddingsRequest, EmbeddingsRelayOptions['reply']>>({
  name: 'embeddings',
  send: (provider, request, context) => provider.embeddings?.(request, context),
})

export const rerank = Object.freeze<ProviderOperation<RerankRequest, ValueReply<RerankResponse>>>({
  name: 'reranking',
  send: (provider, request, context) => provider.rerank?.(request, context),
})
