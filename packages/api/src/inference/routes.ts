/**
 * The routes of inference: completions, embeddings, rerank, and the stored chat completions.
 *
 * Schemas stand behind getters, so that a bundle may build those of a route when the route is first called: building all of
 * them is a tenth of a start (docs/decisions/0004-cold-start.md).
 */
import { modelErrors } from '../model-errors.ts'
import { defineApi } from '../route.ts'
import type { Service } from '../route.ts'
import { ChatCompletionRequest } from './chat-completions.ts'
import {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionDeleted,
  ChatCompletionPage,
  ChatMessagePage,
  StoredChatCompletion,
} from './chat-replies.ts'
import { Completion, CompletionRequest } from './completions.ts'
import { EmbeddingsRequest, EmbeddingsResponse } from './embeddings.ts'
import { DocumentRerankRequest, DocumentRerankResponse, RerankRequest, RerankResponse } from './rerank.ts'
import {
  ChatCompletionId,
  ChatCompletionQuery,
  ChatCompletionUpdate,
  ChatMessageQuery,
} from './stored-chat-requests.ts'

const stored = ['store_disabled', 'completion_not_found'] as const

export const inference = defineApi({
  createChatCompletion: {
    method: 'POST',
    path: '/v1/chat/completions',
    aliases: ['/v1/openai/v1/chat/completions'],
    access: 'write',
    summary: 'Create a chat completion.',
    description:
      'Routed to the provider that owns the model. Unknown fields travel to the provider. Streams end with `data: [DONE]`.',
    get body() {
      return ChatCompletionRequest
    },
    get response() {
      return ChatCompletion
    },
    get event() {
      return ChatCompletionChunk
    },
    errors: modelErrors,
    tag: 'Inference',
  },
  listChatCompletions: {
    method: 'GET',
    path: '/v1/chat/completions',
    aliases: ['/v1/openai/v1/chat/completions'],
    access: 'read',
    summary: 'List stored chat completions with their input messages.',
    get query() {
      return ChatCompletionQuery
    },
    get response() {
      return ChatCompletionPage
    },
    errors: ['store_disabled'],
    tag: 'Inference',
  },
  retrieveChatCompletion: {
    method: 'GET',
    path: '/v1/chat/completions/{completion_id}',
    aliases: ['/v1/openai/v1/chat/completions/{completion_id}'],
    access: 'read',
    summary: 'Fetch one stored chat completion.',
    get params() {
      return ChatCompletionId
    },
    get response() {
      return StoredChatCompletion
    },
    errors: stored,
    tag: 'Inference',
  },
  updateChatCompletion: {
    method: 'POST',
    path: '/v1/chat/completions/{completion_id}',
    aliases: ['/v1/openai/v1/chat/completions/{completion_id}'],
    access: 'write',
    summary: 'Replace the metadata of a stored chat completion.',
    get params() {
      return ChatCompletionId
    },
    get body() {
      return ChatCompletionUpdate
    },
    get response() {
      return StoredChatCompletion
    },
    errors: stored,
    tag: 'Inference',
  },
  deleteChatCompletion: {
    method: 'DELETE',
    path: '/v1/chat/completions/{completion_id}',
    aliases: ['/v1/openai/v1/chat/completions/{completion_id}'],
    access: 'write',
    summary: 'Delete a stored chat completion.',
    get params() {
      return ChatCompletionId
    },
    get response() {
      return ChatCompletionDeleted
    },
    errors: stored,
    tag: 'Inference',
  },
  listChatCompletionMessages: {
    method: 'GET',
    path: '/v1/chat/completions/{completion_id}/messages',
    aliases: ['/v1/openai/v1/chat/completions/{completion_id}/messages'],
    access: 'read',
    summary: 'List the input messages of a stored chat completion.',
    get params() {
      return ChatCompletionId
    },
    get query() {
      return ChatMessageQuery
    },
    get response() {
      return ChatMessagePage
    },
    errors: stored,
    tag: 'Inference',
  },
  createCompletion: {
    method: 'POST',
    path: '/v1/completions',
    aliases: ['/v1/openai/v1/completions'],
    access: 'write',
    summary: 'Create a text completion.',
    get body() {
      return CompletionRequest
    },
    get response() {
      return Completion
    },
    get event() {
      return Completion
    },
    errors: modelErrors,
    tag: 'Inference',
  },
  createEmbeddings: {
    method: 'POST',
    path: '/v1/embeddings',
    aliases: ['/v1/openai/v1/embeddings'],
    access: 'write',
    summary: 'Embed texts or token arrays.',
    get body() {
      return EmbeddingsRequest
    },
    get response() {
      return EmbeddingsResponse
    },
    errors: modelErrors,
    tag: 'Inference',
  },
  rerank: {
    method: 'POST',
    path: '/v1alpha/inference/rerank',
    aliases: ['/v1/inference/rerank'],
    access: 'write',
    stability: 'v1alpha',
    summary: 'Score items against a query, most relevant first.',
    get body() {
      return RerankRequest
    },
    get response() {
      return RerankResponse
    },
    errors: modelErrors,
    tag: 'Inference',
  },
  rerankDocuments: {
    method: 'POST',
    path: '/v1/rerank',
    access: 'write',
    summary: 'Rerank documents in the shape that Cohere, Jina and vLLM share.',
    get body() {
      return DocumentRerankRequest
    },
    get response() {
      return DocumentRerankResponse
    },
    errors: modelErrors,
    tag: 'Inference',
  },
})

/** Everything that can be done with inference. */
export type Inference = Service<typeof inference>
