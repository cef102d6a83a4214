/** The routes of inference: completions, embeddings, rerank, and the stored chat completions. */
import * as z from 'zod'
import { defineApi } from '../route.ts'
import type { Service } from '../route.ts'
import { cursorPage, cursorQuery } from '../wire/paging.ts'
import {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionRequest,
  StoredChatCompletion,
  StoredChatMessage,
} from './chat-completions.ts'
import { Completion, CompletionRequest } from './completions.ts'
import { EmbeddingsRequest, EmbeddingsResponse } from './embeddings.ts'
import { DocumentRerankRequest, DocumentRerankResponse, RerankRequest, RerankResponse } from './rerank.ts'

const completionId = z.object({ completion_id: z.string() })

/** What a call to a model may fail with. */
const modelErrors = [
  'model_not_found',
  'model_ambiguous',
  'model_type_mismatch',
  'operation_unsupported',
  'provider_key_missing',
  'provider_unreachable',
  'provider_timeout',
  'provider_rate_limited',
  'provider_quota_exceeded',
  'provider_authentication',
  'provider_content_policy',
  'provider_invalid_request',
  'provider_internal',
  'provider_bad_reply',
  'provider_stream_broken',
  'url_blocked',
  'fetched_content_rejected',
  'recording_not_found',
] as const

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
    body: ChatCompletionRequest,
    response: ChatCompletion,
    event: ChatCompletionChunk,
    errors: modelErrors,
    tag: 'Inference',
  },
  listChatCompletions: {
    method: 'GET',
    path: '/v1/chat/completions',
    aliases: ['/v1/openai/v1/chat/completions'],
    access: 'read',
    summary: 'List stored chat completions with their input messages.',
    query: z.looseObject({
      ...cursorQuery,
      model: z.string().optional().describe('Only completions of this model.'),
      metadata: z.record(z.string(), z.string()).optional().describe('Only completions with these metadata values.'),
    }),
    response: cursorPage(StoredChatCompletion),
    errors: ['store_disabled'],
    tag: 'Inference',
  },
  retrieveChatCompletion: {
    method: 'GET',
    path: '/v1/chat/completions/{completion_id}',
    aliases: ['/v1/openai/v1/chat/completions/{completion_id}'],
    access: 'read',
    summary: 'Fetch one stored chat completion.',
    params: completionId,
    response: StoredChatCompletion,
    errors: stored,
    tag: 'Inference',
  },
  updateChatCompletion: {
    method: 'POST',
    path: '/v1/chat/completions/{completion_id}',
    aliases: ['/v1/openai/v1/chat/completions/{completion_id}'],
    access: 'write',
    summary: 'Replace the metadata of a stored chat completion.',
    params: completionId,
    body: z.looseObject({
      metadata: z.record(z.string().max(64), z.string().max(512)).nullable().describe('At most 16 pairs; null clears.'),
    }),
    response: StoredChatCompletion,
    errors: stored,
    tag: 'Inference',
  },
  deleteChatCompletion: {
    method: 'DELETE',
    path: '/v1/chat/completions/{completion_id}',
    aliases: ['/v1/openai/v1/chat/completions/{completion_id}'],
    access: 'write',
    summary: 'Delete a stored chat completion.',
    params: completionId,
    response: z.looseObject({ object: z.literal('chat.completion.deleted'), id: z.string(), deleted: z.literal(true) }),
    errors: stored,
    tag: 'Inference',
  },
  listChatCompletionMessages: {
    method: 'GET',
    path: '/v1/chat/completions/{completion_id}/messages',
    aliases: ['/v1/openai/v1/chat/completions/{completion_id}/messages'],
    access: 'read',
    summary: 'List the input messages of a stored chat completion.',
    params: completionId,
    query: z.looseObject({ ...cursorQuery, order: z.enum(['asc', 'desc']).default('asc') }),
    response: cursorPage(StoredChatMessage),
    errors: stored,
    tag: 'Inference',
  },
  createCompletion: {
    method: 'POST',
    path: '/v1/completions',
    aliases: ['/v1/openai/v1/completions'],
    access: 'write',
    summary: 'Create a text completion.',
    body: CompletionRequest,
    response: Completion,
    event: Completion,
    errors: modelErrors,
    tag: 'Inference',
  },
  createEmbeddings: {
    method: 'POST',
    path: '/v1/embeddings',
    aliases: ['/v1/openai/v1/embeddings'],
    access: 'write',
    summary: 'Embed texts or token arrays.',
    body: EmbeddingsRequest,
    response: EmbeddingsResponse,
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
    body: RerankRequest,
    response: RerankResponse,
    errors: modelErrors,
    tag: 'Inference',
  },
  rerankDocuments: {
    method: 'POST',
    path: '/v1/rerank',
    access: 'write',
    summary: 'Rerank documents in the shape that Cohere, Jina and vLLM share.',
    body: DocumentRerankRequest,
    response: DocumentRerankResponse,
    errors: modelErrors,
    tag: 'Inference',
  },
})

/** Everything that can be done with inference. */
export type Inference = Service<typeof inference>
