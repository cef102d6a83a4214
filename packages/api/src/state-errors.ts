/** The rows of the error table that tell of stored responses, conversations and prompts. */
import { row } from './error-row.ts'

/** What a call that names stored state may fail with. */
export const stateErrors = Object.freeze({
  response_not_found: row<{ id: string }>({
    status: 404,
    type: 'invalid_request_error',
    message: (d) => `Response '${d.id}' not found. It was not stored (store: false), or it was deleted.`,
    param: () => 'response_id',
  }),
  conversation_not_found: row<{ id: string }>({
    status: 404,
    type: 'invalid_request_error',
    message: (d) => `Conversation '${d.id}' not found. Create one with POST /v1/conversations.`,
    param: () => 'conversation_id',
  }),
  item_not_found: row<{ id: string; conversation: string }>({
    status: 404,
    type: 'invalid_request_error',
    message: (d) =>
      `Item '${d.id}' not found in conversation '${d.conversation}'. List its items with GET /v1/conversations/${d.conversation}/items.`,
    param: () => 'item_id',
  }),
  prompt_not_found: row<{ id: string; version?: number }>({
    status: 404,
    type: 'invalid_request_error',
    message: (d) =>
      d.version === undefined
        ? `Prompt '${d.id}' not found. List the prompts with GET /v1/prompts.`
        : `Prompt '${d.id}' has no version ${d.version}. List its versions with GET /v1/prompts/${d.id}/versions.`,
    param: (d) => (d.version === undefined ? 'prompt_id' : 'version'),
  }),
  prompt_version_conflict: row<{ id: string; given: number; latest: number }>({
    status: 409,
    type: 'invalid_request_error',
    message: (d) =>
      `Version ${d.given} is not the latest of prompt '${d.id}', which is ${d.latest}. Read that, and send your change with version: ${d.latest}.`,
    param: () => 'version',
  }),
})
