/** The routes of prompts. OGX changes with PUT where the first generation has POST; both are served. */
import { defineApi } from '../route.ts'
import type { Service } from '../route.ts'
import {
  CreatePromptRequest,
  Prompt,
  PromptId,
  PromptList,
  PromptVersionQuery,
  SetDefaultVersionRequest,
  UpdatePromptRequest,
} from './prompt.ts'

const stored = ['prompt_not_found'] as const

/** What the routes of the two generations do not share. */
interface Words {
  readonly summary: string
  readonly description?: string
}

function toUpdate<Method extends 'PUT' | 'POST'>(method: Method, words: Words) {
  return {
    method,
    path: '/v1/prompts/{prompt_id}',
    access: 'write',
    ...words,
    get params() {
      return PromptId
    },
    get body() {
      return UpdatePromptRequest
    },
    get response() {
      return Prompt
    },
    errors: [...stored, 'prompt_version_conflict'],
    tag: 'Prompts',
  } as const
}

function toSetDefault<Method extends 'PUT' | 'POST'>(method: Method, words: Words) {
  return {
    method,
    path: '/v1/prompts/{prompt_id}/set-default-version',
    access: 'write',
    ...words,
    get params() {
      return PromptId
    },
    get body() {
      return SetDefaultVersionRequest
    },
    get response() {
      return Prompt
    },
    errors: stored,
    tag: 'Prompts',
  } as const
}

export const prompts = defineApi({
  listPrompts: {
    method: 'GET',
    path: '/v1/prompts',
    access: 'read',
    summary: 'List the default version of every prompt.',
    get response() {
      return PromptList
    },
    tag: 'Prompts',
  },
  createPrompt: {
    method: 'POST',
    path: '/v1/prompts',
    access: 'write',
    summary: 'Store a prompt as its version 1.',
    get body() {
      return CreatePromptRequest
    },
    get response() {
      return Prompt
    },
    tag: 'Prompts',
  },
  retrievePrompt: {
    method: 'GET',
    path: '/v1/prompts/{prompt_id}',
    access: 'read',
    summary: 'Fetch a prompt: its default version, or the one that is asked for.',
    get params() {
      return PromptId
    },
    get query() {
      return PromptVersionQuery
    },
    get response() {
      return Prompt
    },
    errors: stored,
    tag: 'Prompts',
  },
  updatePrompt: toUpdate('PUT', {
    summary: 'Store the next version of a prompt.',
    description: 'The request names the latest version, so that two writers notice each other.',
  }),
  updatePromptByPost: toUpdate('POST', {
    summary: 'Store the next version of a prompt, as the first generation asks for it.',
  }),
  deletePrompt: {
    method: 'DELETE',
    path: '/v1/prompts/{prompt_id}',
    access: 'write',
    summary: 'Delete a prompt with all its versions.',
    status: 204,
    get params() {
      return PromptId
    },
    errors: stored,
    tag: 'Prompts',
  },
  listPromptVersions: {
    method: 'GET',
    path: '/v1/prompts/{prompt_id}/versions',
    access: 'read',
    summary: 'List all versions of a prompt.',
    get params() {
      return PromptId
    },
    get response() {
      return PromptList
    },
    errors: stored,
    tag: 'Prompts',
  },
  setDefaultPromptVersion: toSetDefault('PUT', {
    summary: 'Make one version of a prompt its default.',
  }),
  setDefaultPromptVersionByPost: toSetDefault('POST', {
    summary: 'Make one version of a prompt its default, as the first generation asks for it.',
  }),
})

/** Everything that can be done with prompts. */
export type Prompts = Service<typeof prompts>
