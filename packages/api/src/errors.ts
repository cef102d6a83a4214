/**
 * The error table: every failure that a client may see, written once.
 *
 * From a row come the HTTP status, the OpenAI error `type`, the OpenAPI responses, the page of the reference and
 * what `llama explain` prints. Anything thrown that is not a {@link StackError} is a bug and is answered with 500.
 */

/** One row of the table. `status` may depend on the details only where a provider's own status is passed on. */
export interface ErrorRow<Details> {
  readonly status: number | ((details: Details) => number)
  /** OpenAI's `error.type`. */
  readonly type: ErrorType
  /** What happened, with the value, and what to do next. */
  readonly message: (details: Details) => string
  /** The field of the request that is at fault, in OpenAI's `param` notation (`messages[0].role`). */
  readonly param?: (details: Details) => string | undefined
  /** Whether the same request may succeed later without a change. Default: false. */
  readonly retryable?: Fact<Details>
  /** Whether another provider may succeed where this one failed. Default: false. */
  readonly failover?: Fact<Details>
  /** Whether it counts against the health of the provider that was asked. Default: false. */
  readonly blames?: Fact<Details>
}

/** Something that holds for every error of a row, or that its details decide. */
export type Fact<Details> = boolean | ((details: Details) => boolean)

/** The values that OpenAI's `error.type` takes here. */
export type ErrorType =
  | 'invalid_request_error'
  | 'authentication_error'
  | 'permission_error'
  | 'not_found_error'
  | 'rate_limit_error'
  | 'insufficient_quota'
  | 'api_error'
  | 'timeout_error'

/** What a provider failure tells: who failed, what it said, with which status. */
export interface ProviderFailure {
  provider: string
  /** The vendor's own message, or a description of the transport failure. */
  reason: string
  /** The vendor's HTTP status, when there was one. */
  status?: number
  /** The vendor's `error.code`, passed on to the client. */
  vendorCode?: string | null
  /** The vendor's `error.type`, passed on to the client. */
  vendorType?: string
  /** The vendor's `error.param`, passed on to the client. */
  vendorParam?: string | null
  /** How long to wait before a retry, in milliseconds. */
  retryAfterMs?: number
}

/** Where in a configuration file something is wrong. */
export interface ConfigFault {
  file: string
  /** 1-based. */
  line?: number
  /** 1-based. */
  column?: number
  /** The offending source line. */
  source?: string
  problem: string
  fix: string
  /** What else is wrong, when one reading found several faults. */
  others?: readonly ConfigFault[]
}

const moreFaults = (fault: ConfigFault): string => {
  const count = fault.others?.length ?? 0
  return count === 0 ? '' : ` (${count} more ${count === 1 ? 'fault' : 'faults'} in the same configuration)`
}

const row = <Details>(definition: ErrorRow<Details>): ErrorRow<Details> => Object.freeze(definition)

const providerStatus =
  (fallback: number) =>
  (failure: ProviderFailure): number =>
    failure.status ?? fallback

/** The request met another one at the vendor, or came too early: it may pass when it is sent again. */
const isConflict = ({ status }: ProviderFailure): boolean => status === 409 || status === 425

/** Where a model is gone, another provider may still have it. */
const isElsewhere = (failure: ProviderFailure): boolean =>
  failure.status === 404 || failure.status === 410 || isConflict(failure)

const vendorParam = (failure: ProviderFailure): string | undefined => failure.vendorParam ?? undefined

/** Every error code, its status and its words. */
export const errorTable = Object.freeze({
  invalid_json: row<{ reason: string }>({
    status: 400,
    type: 'invalid_request_error',
    message: (d) => `The body is not valid JSON: ${d.reason}. Send one JSON object.`,
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
  url_blocked: row<{ url: string; reason: string }>({
    status: 400,
    type: 'invalid_request_error',
    message: (d) =>
      `The URL '${d.url}' cannot be fetched: ${d.reason}. Send the data inline, or let the operator allow it with server.allow_private_urls.`,
  }),
  fetched_content_rejected: row<{ url: string; reason: string }>({
    status: 400,
    type: 'invalid_request_error',
    message: (d) => `The content of '${d.url}' cannot be used: ${d.reason}. Send the data inline instead.`,
  }),
  provider_key_missing: row<{ provider: string; header: string; env?: string }>({
    status: 400,
    type: 'invalid_request_error',
    message: (d) =>
      `No API key for provider '${d.provider}'. ${d.env === undefined ? '' : `Set ${d.env} for the server, or `}send the header X-LlamaStack-Provider-Data: {"${d.header}": "<key>"}.`,
    failover: true,
  }),
  provider_url_missing: row<{ provider: string; setting: string; env?: string; header?: string }>({
    status: 400,
    type: 'invalid_request_error',
    message: (d) =>
      `Provider '${d.provider}' has no URL. Set ${d.setting} in its configuration${d.env === undefined ? '' : ` (${d.env})`}${d.header === undefined ? '' : `, or send the header X-LlamaStack-Provider-Data: {"${d.header}": "<url>"}`}.`,
    failover: true,
  }),
  provider_unreachable: row<ProviderFailure>({
    status: 502,
    type: 'api_error',
    message: (d) =>
      `Provider '${d.provider}' cannot be reached: ${d.reason}. Check that it runs and that its URL is right.`,
    retryable: true,
    failover: true,
    blames: true,
  }),
  provider_timeout: row<ProviderFailure>({
    status: 504,
    type: 'timeout_error',
    message: (d) =>
      `Provider '${d.provider}' did not answer in time: ${d.reason}. Try again, or raise network.timeout.`,
    retryable: true,
    failover: true,
    blames: true,
  }),
  provider_rate_limited: row<ProviderFailure>({
    status: 429,
    type: 'rate_limit_error',
    message: (d) => d.reason,
    retryable: true,
    failover: true,
    blames: true,
  }),
  provider_quota_exceeded: row<ProviderFailure>({
    status: 429,
    type: 'insufficient_quota',
    message: (d) => d.reason,
    failover: true,
    blames: true,
  }),
  provider_authentication: row<ProviderFailure>({
    status: providerStatus(401),
    type: 'authentication_error',
    message: (d) => `Provider '${d.provider}' refused the credentials: ${d.reason}`,
    failover: true,
    blames: true,
  }),
  provider_content_policy: row<ProviderFailure>({
    status: providerStatus(400),
    type: 'invalid_request_error',
    message: (d) => d.reason,
    param: vendorParam,
  }),
  provider_invalid_request: row<ProviderFailure>({
    status: providerStatus(400),
    type: 'invalid_request_error',
    message: (d) => d.reason,
    param: vendorParam,
    retryable: isConflict,
    failover: isElsewhere,
  }),
  provider_internal: row<ProviderFailure>({
    status: providerStatus(502),
    type: 'api_error',
    message: (d) => `Provider '${d.provider}' failed: ${d.reason}`,
    retryable: true,
    failover: true,
    blames: true,
  }),
  provider_bad_reply: row<ProviderFailure>({
    status: 502,
    type: 'api_error',
    message: (d) => `Provider '${d.provider}' sent a reply that cannot be understood: ${d.reason}`,
    retryable: true,
    failover: true,
    blames: true,
  }),
  provider_stream_broken: row<ProviderFailure>({
    status: 502,
    type: 'api_error',
    message: (d) => `The stream of provider '${d.provider}' broke off: ${d.reason}`,
    retryable: true,
    failover: true,
    blames: true,
  }),
  local_model_missing: row<{ model: string; folders: string }>({
    status: 404,
    type: 'invalid_request_error',
    message: (d) =>
      `Model '${d.model}' is not on this machine: no ONNX files of it in ${d.folders}. Run: llama models pull ${d.model}`,
    param: () => 'model',
    failover: true,
  }),
  local_model_invalid: row<{ model: string; folder: string; reason: string }>({
    status: 500,
    type: 'api_error',
    message: (d) =>
      `Model '${d.model}' in '${d.folder}' cannot be run: ${d.reason}. Delete the folder and run: llama models pull ${d.model}`,
    failover: true,
  }),
  optional_package_missing: row<{ package: string; version: string; purpose: string; install: string }>({
    status: 501,
    type: 'api_error',
    message: (d) => `${d.purpose} needs the optional package '${d.package}', which is not installed. Run: ${d.install}`,
    failover: true,
  }),
  optional_package_broken: row<{ package: string; reason: string; install: string }>({
    status: 501,
    type: 'api_error',
    message: (d) =>
      `The optional package '${d.package}' is installed but cannot be loaded: ${d.reason}. Install it again: ${d.install}`,
    failover: true,
  }),
  provider_overloaded: row<{ provider: string; reason: string; retryAfterMs: number }>({
    status: 503,
    type: 'api_error',
    message: (d) =>
      `Provider '${d.provider}' has all the calls that it may have at a time: ${d.reason}. Try again, or raise its reliability limits.`,
    retryable: true,
    failover: true,
  }),
  provider_unavailable: row<{ provider: string; model: string; lastFailure: string; retryAfterMs: number }>({
    status: 503,
    type: 'api_error',
    message: (d) =>
      `Model '${d.model}' of provider '${d.provider}' is not asked for ${Math.ceil(d.retryAfterMs / 1000)} s, because it kept failing. Its last failure: ${d.lastFailure}`,
    retryable: true,
    failover: true,
  }),
  deadline_exceeded: row<{ deadlineMs: number }>({
    status: 504,
    type: 'timeout_error',
    message: (d) =>
      `There was no answer within ${d.deadlineMs} ms. Try again, or raise reliability.deadline_ms in the configuration.`,
    retryable: true,
  }),
  context_length_exceeded: row<{ model: string; promptTokens: number; contextTokens: number; param: string }>({
    status: 400,
    type: 'invalid_request_error',
    message: (d) =>
      `The prompt has ${d.promptTokens} tokens; model '${d.model}' takes ${d.contextTokens}, its reply included. Send less, or choose a model with a longer context.`,
    param: (d) => d.param,
    failover: true,
  }),
  download_failed: row<{ url: string; reason: string; mayPass: boolean }>({
    status: 502,
    type: 'api_error',
    message: (d) => `'${d.url}' cannot be downloaded: ${d.reason}. What has arrived is kept for the next attempt.`,
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
    message: (d) => `Recording '${d.file}' cannot be read: ${d.reason}. Record it again.`,
  }),
  server_shutting_down: row<object>({
    status: 503,
    type: 'api_error',
    message: () => 'The server is shutting down. Send the request to another instance.',
    retryable: true,
  }),
  server_not_ready: row<{ reason: string }>({
    status: 503,
    type: 'api_error',
    message: (d) => `The server is not ready: ${d.reason}. Try again in a moment.`,
    retryable: true,
  }),
  storage_failed: row<{ reason: string }>({
    status: 500,
    type: 'api_error',
    message: (d) => `The store refused the write: ${d.reason}. Nothing was kept; check the disk and the data folder.`,
    retryable: true,
  }),
  storage_open_failed: row<{ path: string; reason: string }>({
    status: 500,
    type: 'api_error',
    message: (d) => `The store '${d.path}' cannot be opened: ${d.reason}. Correct that, or choose another data folder.`,
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
    message: (d) => `No server answers at ${d.url}: ${d.reason}. Start one with llama, or name another: --url URL.`,
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

/** One call to a provider that failed before the error at hand. */
export interface FailedAttempt {
  readonly provider: string
  readonly code: string
}

/** What an error may be given beside its details. */
export interface StackErrorOptions extends ErrorOptions {
  /** Everything that was tried, in order; the message names it. */
  readonly attempts?: readonly FailedAttempt[]
}

/** The only error that reaches a client with its message. */
export class StackError<Code extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'StackError'
  readonly code: Code
  readonly details: ErrorDetails<Code>
  readonly status: number
  readonly type: ErrorType
  readonly param: string | undefined
  readonly retryable: boolean
  readonly failover: boolean
  readonly blames: boolean
  readonly attempts: readonly FailedAttempt[] | undefined

  constructor(code: Code, details: ErrorDetails<Code>, options?: StackErrorOptions) {
    // The table loses the tie between one code and its details; the constructor's signature keeps it.
    const entry = errorTable[code] as unknown as ErrorRow<ErrorDetails<Code>>
    super(`${entry.message(details)}${triedWords(options?.attempts)}`, options)
    this.code = code
    this.details = details
    this.status = typeof entry.status === 'function' ? entry.status(details) : entry.status
    this.type = entry.type
    this.param = entry.param?.(details)
    this.retryable = holds(entry.retryable, details)
    this.failover = holds(entry.failover, details)
    this.blames = holds(entry.blames, details)
    this.attempts = options?.attempts
  }
}

function holds<Details>(fact: Fact<Details> | undefined, details: Details): boolean {
  return typeof fact === 'function' ? fact(details) : (fact ?? false)
}

function triedWords(attempts: readonly FailedAttempt[] | undefined): string {
  if (attempts === undefined) return ''
  return ` Tried: ${attempts.map(({ provider, code }) => `${provider} (${code})`).join(', ')}.`
}

/** Narrows by name and code, not by identity, so that a plugin with its own copy of this package still works. */
export function isStackError<Code extends ErrorCode = ErrorCode>(
  error: unknown,
  code?: Code,
): error is StackError<Code> {
  if (!(error instanceof Error) || error.name !== 'StackError' || !('code' in error)) return false
  return code === undefined ? true : error.code === code
}

/** A broken invariant of our own code: never shown to a client, always logged. */
export function bug(message: string): never {
  throw new Error(`bug: ${message}`)
}
