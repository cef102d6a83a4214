/**
 * The error table: every failure that a client may see, written once.
 *
 * From a row come the HTTP status, the OpenAI error `type`, the OpenAPI responses, the page of the reference and
 * what `llama explain` prints. Anything thrown that is not a {@link StackError} is a bug and is answered with 500.
 */
import { row, sentence } from './error-row.ts'
import type { ConfigFault, ErrorRow } from './error-row.ts'
import { mcpErrors } from './mcp-errors.ts'
import { providerErrors } from './provider-errors.ts'
import { webSocketErrors } from './web-socket-errors.ts'
import { safetyErrors } from './safety-errors.ts'
import { responseErrors } from './response-errors.ts'
import { stateErrors } from './state-errors.ts'

const moreFaults = (fault: ConfigFault): string => {
  const count = fault.others?.length ?? 0
  return count === 0 ? '' : ` (${count} more ${count === 1 ? 'fault' : 'faults'} in the same configuration)`
}

/** Every error code, its status and its words. */
export const errorTable = Object.freeze({
  invalid_json: row<{ reason: string }>({
    status: 400,
    type: 'invalid_request_error',
    message: (d) => `The body is not valid JSON: ${sentence(d.reason)} Send one JSON object.`,
  }),
  invalid_value: row<{ param: string; problem: string; value?: string; fix: string }>({
    status: 400,
    type: 'invalid_request_error',
    message: (d) => `Invalid '${d.param}': ${d.problem}${d.value === undefined ? '' : `, got ${d.value}`}. ${d.fix}`,
    param: (d) => d.param,
  }),
  missing_field: row<{ param: string; expected: string }>({
    status: 400,
    type: 'invalid_request_error',
    message: (d) => `Missing required field '${d.param}'. Add it to the request: ${d.expected}.`,
    param: (d) => d.param,
  }),
  unsupported_media_type: row<{ contentType: string; expected: string }>({
    status: 415,
    type: 'invalid_request_error',
    message: (d) => `Content type '${d.contentType}' is not accepted here. Send ${d.expected}.`,
  }),
  body_too_large: row<{ limitBytes: number }>({
    status: 413,
    type: 'invalid_request_error',
    message: (d) =>
      `The body is larger than ${d.limitBytes} bytes. Send less, or raise server.max_body_bytes in the configuration.`,
  }),
  route_not_found: row<{ method: string; path: string; nearest?: string }>({
    status: 404,
    type: 'invalid_request_error',
    message: (d) =>
      `No route ${d.method} ${d.path}.${d.nearest === undefined ? '' : ` Did you mean ${d.nearest}?`} List the routes with GET /v1/inspect/routes.`,
  }),
  method_not_allowed: row<{ method: string; path: string; allowed: string }>({
    status: 405,
    type: 'invalid_request_error',
    message: (d) => `${d.path} does not accept ${d.method}. Use ${d.allowed}.`,
  }),
  host_not_allowed: row<{ host: string }>({
    status: 403,
    type: 'permission_error',
    message: (d) =>
      `The Host header '${d.host}' is not allowed, to stop DNS rebinding. Use localhost, or add the name to server.allowed_hosts.`,
  }),
  origin_not_allowed: row<{ origin: string }>({
    status: 403,
    type: 'permission_error',
    message: (d) => `Browser requests from '${d.origin}' are not allowed. Add the origin to server.cors.`,
  }),
  api_key_required: row<object>({
    status: 401,
    type: 'authentication_error',
    message: () => 'An API key is required. Send it as Authorization: Bearer <key>.',
  }),
  invalid_api_key: row<{ ending: string }>({
    status: 401,
    type: 'authentication_error',
    message: (d) => `The API key ending in ${d.ending} is not valid. Check the key that the server was started with.`,
  }),
  model_not_found: row<{ model: string; nearest?: string }>({
    status: 404,
    type: 'invalid_request_error',
    message: (d) =>
      `Model '${d.model}' not found.${d.nearest === undefined ? '' : ` Did you mean '${d.nearest}'?`} List the models with GET /v1/models.`,
    param: () => 'model',
  }),
  model_ambiguous: row<{ model: string; candidates: string }>({
    status: 400,
    type: 'invalid_request_error',
    message: (d) => `Model '${d.model}' is served by several providers. Use one of: ${d.candidates}.`,
    param: () => 'model',
  }),
  model_type_mismatch: row<{ model: string; actual: string; expected: string }>({
    status: 400,
    type: 'invalid_request_error',
    message: (d) =>
      `Model '${d.model}' is of type '${d.actual}'; this route needs a model of type '${d.expected}'. List the models with GET /v1/models.`,
    param: () => 'model',
  }),
  model_exists: row<{ model: string; provider: string }>({
    status: 409,
    type: 'invalid_request_error',
    message: (d) =>
      `Model '${d.model}' is already registered with provider '${d.provider}'. Unregister it first with DELETE /v1/models/${d.model}.`,
    param: () => 'model_id',
  }),
  provider_not_found: row<{ provider: string; available: string }>({
    status: 404,
    type: 'invalid_request_error',
    message: (d) => `Provider '${d.provider}' is not configured. Configured providers: ${d.available}.`,
    param: () => 'provider_id',
  }),
  completion_not_found: row<{ id: string }>({
    status: 404,
    type: 'invalid_request_error',
    message: (d) => `Chat completion '${d.id}' not found. It was not stored, or it was deleted.`,
    param: () => 'completion_id',
  }),
  ...responseErrors,
  ...stateErrors,
  ...safetyErrors,
  store_disabled: row<{ what: string }>({
    status: 501,
    type: 'invalid_request_error',
    message: (d) => `${d.what} are not stored by this server. Configure an inference store to keep them.`,
  }),
  operation_unsupported: row<{ operation: string; provider: string }>({
    status: 501,
    type: 'invalid_request_error',
    message: (d) => `Provider '${d.provider}' does not support ${d.operation}. Choose a model of another provider.`,
    param: () => 'model',
    failover: true,
  }),
  tool_unavailable: row<{ tool: string; reason: string; fix: string }>({
    status: 400,
    type: 'invalid_request_error',
    message: (d) => `The tool '${d.tool}' cannot be used here: ${sentence(d.reason)} ${d.fix}`,
    param: () => 'tools',
  }),
  url_blocked: row<{ url: string; reason: string }>({
    status: 400,
    type: 'invalid_request_error',
    message: (d) =>
      `The URL '${d.url}' cannot be fetched: ${sentence(d.reason)} Send the data inline, or let the operator allow it with server.allow_private_urls.`,
  }),
  fetched_content_rejected: row<{ url: string; reason: string }>({
    status: 400,
    type: 'invalid_request_error',
    message: (d) => `The content of '${d.url}' cannot be used: ${sentence(d.reason)} Send the data inline instead.`,
  }),
  ...providerErrors,
  ...mcpErrors,
  context_length_exceeded: row<{
    model: string
    promptTokens: number
    contextTokens: number
    param: string
    /** Whether the tokens were counted, or are the fewest that the prompt can have. Default: counted. */
    atLeast?: boolean
    /** What the request lets the reply have, where that counts too. */
    replyTokens?: number
  }>({
    status: 400,
    type: 'invalid_request_error',
    message: (d) =>
      `The prompt has ${d.atLeast === true ? 'at least ' : ''}${d.promptTokens} tokens${d.replyTokens === undefined ? '' : ` and its reply may have ${d.replyTokens} more`}; model '${d.model}' takes ${d.contextTokens}, its reply included. Send less, or choose a model with a longer context.`,
    param: (d) => d.param,
    failover: true,
  }),
  download_failed: row<{ url: string; reason: string; mayPass: boolean }>({
    status: 502,
    type: 'api_error',
    message: (d) =>
      `'${d.url}' cannot be downloaded: ${sentence(d.reason)}${d.mayPass ? ' What has arrived is kept: try again.' : ''}`,
    retryable: (d) => d.mayPass,
    failover: true,
  }),
  download_corrupt: row<{ url: string; expected: string; actual: string }>({
    status: 502,
    type: 'api_error',
    message: (d) =>
      `The download of '${d.url}' has the SHA-256 ${d.actual}, not ${d.expected}, and was deleted. Check the checksum and the address.`,
    failover: true,
  }),
  disk_full: row<{ path: string; neededBytes: number; freeBytes: number }>({
    status: 507,
    type: 'api_error',
    message: (d) =>
      `'${d.path}' has room for ${d.freeBytes} bytes and ${d.neededBytes} are needed. Free some space, or choose another folder.`,
    failover: true,
  }),
  recording_not_found: row<{ request: string; nearest: string }>({
    status: 500,
    type: 'api_error',
    message: (d) =>
      `Recording not found for ${d.request}. ${d.nearest} Record it with --record, or correct the request.`,
  }),
  recording_unreadable: row<{ file: string; reason: string }>({
    status: 500,
    type: 'api_error',
    message: (d) => `Recording '${d.file}' cannot be read: ${sentence(d.reason)} Record it again.`,
  }),
  ...webSocketErrors,
  server_shutting_down: row<object>({
    status: 503,
    type: 'api_error',
    message: () => 'The server is shutting down. Send the request to another instance.',
    retryable: true,
  }),
  server_not_ready: row<{ reason: string }>({
    status: 503,
    type: 'api_error',
    message: (d) => `The server is not ready: ${sentence(d.reason)} Try again in a moment.`,
    retryable: true,
  }),
  storage_failed: row<{ reason: string }>({
    status: 500,
    type: 'api_error',
    message: (d) =>
      `The store refused the write: ${sentence(d.reason)} Nothing was kept; check the disk and the data folder.`,
    retryable: true,
  }),
  storage_open_failed: row<{ path: string; reason: string }>({
    status: 500,
    type: 'api_error',
    message: (d) =>
      `The store '${d.path}' cannot be opened: ${sentence(d.reason)} Correct that, or choose another data folder.`,
  }),
  storage_schema_newer: row<{ path: string; found: number; known: number }>({
    status: 500,
    type: 'api_error',
    message: (d) =>
      `The store '${d.path}' has schema ${d.found}, written by a newer Llama Stack; this one knows schema ${d.known}. Upgrade, or choose another data folder.`,
  }),
  config_not_found: row<{ name: string; nearest: string }>({
    status: 500,
    type: 'invalid_request_error',
    message: (d) => `No configuration file or distribution named '${d.name}'. ${d.nearest}`,
  }),
  config_env: row<ConfigFault & { variable: string }>({
    status: 500,
    type: 'invalid_request_error',
    message: (d) => `${d.problem} ${d.fix}${moreFaults(d)}`,
  }),
  config_invalid: row<ConfigFault>({
    status: 500,
    type: 'invalid_request_error',
    message: (d) => `${d.problem} ${d.fix}${moreFaults(d)}`,
  }),
  port_in_use: row<{ port: number; host: string }>({
    status: 500,
    type: 'invalid_request_error',
    message: (d) =>
      `Port ${d.port} on ${d.host} is in use. Stop the other server, or choose another port: --port ${d.port + 1}.`,
  }),
  worker_failed: row<{ reason: string }>({
    status: 500,
    type: 'api_error',
    message: (d) => `A worker process could not start: ${sentence(d.reason)} Start with --workers 1 to see more.`,
  }),
  unsafe_bind: row<{ host: string }>({
    status: 500,
    type: 'invalid_request_error',
    message: (d) =>
      `Refusing to listen on ${d.host} without a key: anyone who reaches this port could spend your credit. Set LLAMA_STACK_API_KEY, or keep --host 127.0.0.1.`,
  }),
  command_usage: row<{ problem: string; fix: string }>({
    status: 500,
    type: 'invalid_request_error',
    message: (d) => `${d.problem} ${d.fix}`,
  }),
  server_unreachable: row<{ url: string; reason: string }>({
    status: 500,
    type: 'api_error',
    message: (d) =>
      `No server answers at ${d.url}: ${sentence(d.reason)} Start one with llama, or name another: --url URL.`,
    retryable: true,
  }),
  server_refused: row<{ url: string; status: number; code: string; reason: string }>({
    status: (d) => d.status,
    type: 'api_error',
    message: (d) => d.reason,
  }),
  node_version: row<{ found: string }>({
    status: 500,
    type: 'invalid_request_error',
    message: (d) => `Llama Stack needs Node 24 or newer; this is ${d.found}. Install Node 24.`,
  }),
  internal_error: row<object>({
    status: 500,
    type: 'api_error',
    message: () => 'The server made a mistake. The log has the details under this request id.',
  }),
})

/** The closed set of error codes. */
export type ErrorCode = keyof typeof errorTable

/** What has to be said when an error of this code is thrown. */
export type ErrorDetails<Code extends ErrorCode> =
  (typeof errorTable)[Code] extends ErrorRow<infer Details> ? Details : never
