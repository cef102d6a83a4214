/** The rows of the error table that tell of responses while they are made. */
import { row, sentence } from './error-row.ts'

/** What asking for a response may fail with, beside what its model may. */
export const responseErrors = Object.freeze({
  parameter_dropped: row<{ param: string; reason: string }>({
    status: 400,
    type: 'invalid_request_error',
    message: (d) =>
      `'${d.param}' would have no effect: ${sentence(d.reason)} Leave it out, or send the request without x-llama-stack-strict.`,
    param: (d) => d.param,
  }),
  previous_response_not_found: row<{ id: string }>({
    status: 404,
    type: 'invalid_request_error',
    message: (d) =>
      `Previous response '${d.id}' not found. It was not stored (store: false), or it or one before it was deleted.`,
    param: () => 'previous_response_id',
  }),
  previous_response_open: row<{ id: string; status: string }>({
    status: 409,
    type: 'invalid_request_error',
    message: (d) =>
      `Previous response '${d.id}' is ${d.status} and cannot be continued. Wait for its end with GET /v1/responses/${d.id}.`,
    param: () => 'previous_response_id',
  }),
  response_not_cancellable: row<{ id: string; problem: string }>({
    status: 409,
    type: 'invalid_request_error',
    message: (d) => `Response '${d.id}' cannot be cancelled: ${sentence(d.problem)}`,
    param: () => 'response_id',
  }),
  approval_not_found: row<{ id: string }>({
    status: 400,
    type: 'invalid_request_error',
    message: (d) =>
      `No approval request '${d.id}' is in this conversation. Continue the response that asked, with previous_response_id.`,
    param: () => 'input',
  }),
  approval_used: row<{ id: string }>({
    status: 409,
    type: 'invalid_request_error',
    message: (d) => `Approval request '${d.id}' was answered before; each is answered once.`,
    param: () => 'input',
  }),
})
