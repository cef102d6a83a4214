/** The routes of responses: the agent loop, and what is stored of its runs. */
import { modelErrors } from '../model-errors.ts'
import { defineApi } from '../route.ts'
import type { Service } from '../route.ts'
import { ResponseEvent } from './events.ts'
import { CompactRequest, CreateResponseRequest, InputTokensRequest } from './request.ts'
import {
  CompactedResponse,
  InputTokenCount,
  ItemPage,
  ResponseDeleted,
  ResponseObject,
  ResponsePage,
} from './response.ts'
import { InputItemQuery, ResponseId, ResponseQuery, RetrieveResponseQuery } from './stored-response-requests.ts'

const stored = ['response_not_found'] as const

/** What an input may name that is not there. */
const input = [...modelErrors, ...stored, 'conversation_not_found', 'item_not_found'] as const

/** What the tools and the shields of a request may fail with, before there is a response that could say so. */
const helpers = [
  'tool_unavailable',
  'connector_not_found',
  'mcp_server_authentication',
  'shield_not_found',
  'guardrails_unavailable',
] as const

export const responses = defineApi({
  createResponse: {
    method: 'POST',
    path: '/v1/responses',
    aliases: ['/v1/openai/v1/responses'],
    access: 'write',
    summary: 'Create a response: turns of a model and its tools, until it is done.',
    description: 'Works with every model. Unknown fields travel to the provider. Streams end with the terminal event.',
    get body() {
      return CreateResponseRequest
    },
    get response() {
      return ResponseObject
    },
    get event() {
      return ResponseEvent
    },
    streamDialect: 'openai-events',
    webSocket: { message: 'response.create', ignores: ['response.processed'] },
    forms: true,
    errors: [...input, ...helpers, 'prompt_not_found'],
    tag: 'Responses',
  },
  listResponses: {
    method: 'GET',
    path: '/v1/responses',
    aliases: ['/v1/openai/v1/responses'],
    access: 'read',
    summary: 'List stored responses with their input items.',
    get query() {
      return ResponseQuery
    },
    get response() {
      return ResponsePage
    },
    tag: 'Responses',
  },
  retrieveResponse: {
    method: 'GET',
    path: '/v1/responses/{response_id}',
    aliases: ['/v1/openai/v1/responses/{response_id}'],
    access: 'read',
    summary: 'Fetch a response, or replay its events.',
    description: 'With `stream=true` the events are replayed, then followed until the response ends.',
    get params() {
      return ResponseId
    },
    get query() {
      return RetrieveResponseQuery
    },
    get response() {
      return ResponseObject
    },
    get event() {
      return ResponseEvent
    },
    streamDialect: 'openai-events',
    errors: stored,
    tag: 'Responses',
  },
  deleteResponse: {
    method: 'DELETE',
    path: '/v1/responses/{response_id}',
    aliases: ['/v1/openai/v1/responses/{response_id}'],
    access: 'write',
    summary: 'Delete a stored response.',
    get params() {
      return ResponseId
    },
    get response() {
      return ResponseDeleted
    },
    errors: stored,
    tag: 'Responses',
  },
  cancelResponse: {
    method: 'POST',
    path: '/v1/responses/{response_id}/cancel',
    aliases: ['/v1/openai/v1/responses/{response_id}/cancel'],
    access: 'write',
    summary: 'Cancel a response that runs in the background.',
    get params() {
      return ResponseId
    },
    get response() {
      return ResponseObject
    },
    errors: stored,
    tag: 'Responses',
  },
  listInputItems: {
    method: 'GET',
    path: '/v1/responses/{response_id}/input_items',
    aliases: ['/v1/openai/v1/responses/{response_id}/input_items'],
    access: 'read',
    summary: 'List the items that led to a response.',
    description:
      'Those of its request, behind what came before: the chain of previous responses, or the items that its conversation had. ' +
      'What was deleted since is left out.',
    get params() {
      return ResponseId
    },
    get query() {
      return InputItemQuery
    },
    get response() {
      return ItemPage
    },
    errors: stored,
    tag: 'Responses',
  },
  compactResponse: {
    method: 'POST',
    path: '/v1/responses/compact',
    aliases: ['/v1/openai/v1/responses/compact'],
    access: 'write',
    summary: 'Compact an input, so that a long conversation can go on.',
    get body() {
      return CompactRequest
    },
    get response() {
      return CompactedResponse
    },
    forms: true,
    errors: input,
    tag: 'Responses',
  },
  countInputTokens: {
    method: 'POST',
    path: '/v1/responses/input_tokens',
    aliases: ['/v1/openai/v1/responses/input_tokens'],
    access: 'read',
    summary: 'Count the tokens that a request would send to the model.',
    get body() {
      return InputTokensRequest
    },
    get response() {
      return InputTokenCount
    },
    forms: true,
    errors: input,
    tag: 'Responses',
  },
})

/** Everything that can be done with responses. */
export type Responses = Service<typeof responses>
