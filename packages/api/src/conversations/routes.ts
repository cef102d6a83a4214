/** The routes of conversations and their items. */
import { defineApi } from '../route.ts'
import type { Service } from '../route.ts'
import { ItemResource } from '../responses/items.ts'
import { ItemPage } from '../responses/response.ts'
import {
  Conversation,
  ConversationDeleted,
  ConversationId,
  ConversationItemId,
  ConversationItemInclude,
  ConversationItemQuery,
  CreateConversationItemsRequest,
  CreateConversationRequest,
  UpdateConversationRequest,
} from './conversation.ts'

const stored = ['conversation_not_found'] as const

const storedItem = [...stored, 'item_not_found'] as const

export const conversations = defineApi({
  createConversation: {
    method: 'POST',
    path: '/v1/conversations',
    aliases: ['/v1/openai/v1/conversations'],
    access: 'write',
    summary: 'Create a conversation.',
    get body() {
      return CreateConversationRequest
    },
    get response() {
      return Conversation
    },
    tag: 'Conversations',
  },
  retrieveConversation: {
    method: 'GET',
    path: '/v1/conversations/{conversation_id}',
    aliases: ['/v1/openai/v1/conversations/{conversation_id}'],
    access: 'read',
    summary: 'Fetch a conversation.',
    get params() {
      return ConversationId
    },
    get response() {
      return Conversation
    },
    errors: stored,
    tag: 'Conversations',
  },
  updateConversation: {
    method: 'POST',
    path: '/v1/conversations/{conversation_id}',
    aliases: ['/v1/openai/v1/conversations/{conversation_id}'],
    access: 'write',
    summary: 'Replace the metadata of a conversation.',
    get params() {
      return ConversationId
    },
    get body() {
      return UpdateConversationRequest
    },
    get response() {
      return Conversation
    },
    errors: stored,
    tag: 'Conversations',
  },
  deleteConversation: {
    method: 'DELETE',
    path: '/v1/conversations/{conversation_id}',
    aliases: ['/v1/openai/v1/conversations/{conversation_id}'],
    access: 'write',
    summary: 'Delete a conversation with its items.',
    get params() {
      return ConversationId
    },
    get response() {
      return ConversationDeleted
    },
    errors: stored,
    tag: 'Conversations',
  },
  createConversationItems: {
    method: 'POST',
    path: '/v1/conversations/{conversation_id}/items',
    aliases: ['/v1/openai/v1/conversations/{conversation_id}/items'],
    access: 'write',
    summary: 'Append items to a conversation.',
    get params() {
      return ConversationId
    },
    get query() {
      return ConversationItemInclude
    },
    get body() {
      return CreateConversationItemsRequest
    },
    get response() {
      return ItemPage
    },
    errors: stored,
    tag: 'Conversations',
  },
  listConversationItems: {
    method: 'GET',
    path: '/v1/conversations/{conversation_id}/items',
    aliases: ['/v1/openai/v1/conversations/{conversation_id}/items'],
    access: 'read',
    summary: 'List the items of a conversation.',
    get params() {
      return ConversationId
    },
    get query() {
      return ConversationItemQuery
    },
    get response() {
      return ItemPage
    },
    errors: stored,
    tag: 'Conversations',
  },
  retrieveConversationItem: {
    method: 'GET',
    path: '/v1/conversations/{conversation_id}/items/{item_id}',
    aliases: ['/v1/openai/v1/conversations/{conversation_id}/items/{item_id}'],
    access: 'read',
    summary: 'Fetch one item of a conversation.',
    get params() {
      return ConversationItemId
    },
    get query() {
      return ConversationItemInclude
    },
    get response() {
      return ItemResource
    },
    errors: storedItem,
    tag: 'Conversations',
  },
  deleteConversationItem: {
    method: 'DELETE',
    path: '/v1/conversations/{conversation_id}/items/{item_id}',
    aliases: ['/v1/openai/v1/conversations/{conversation_id}/items/{item_id}'],
    access: 'write',
    summary: 'Delete one item of a conversation.',
    description: 'Answers with the conversation, as OpenAI does.',
    get params() {
      return ConversationItemId
    },
    get response() {
      return Conversation
    },
    errors: storedItem,
    tag: 'Conversations',
  },
})

/** Everything that can be done with conversations. */
export type Conversations = Service<typeof conversations>
