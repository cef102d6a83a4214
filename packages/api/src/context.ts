/** Who calls, and what travels beside a request. */

/** Any JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
export type JsonObject = { readonly [key: string]: Json }

/** Whose rows a call may see. Every stored row has one owner. */
export interface Principal {
  /** Stable id; `local` when the server requires no key. */
  readonly id: string
}

/** What travels with one call from the edge to the provider. */
export interface CallContext {
  readonly principal: Principal
  readonly requestId: string
  /** Aborted when the client leaves or the server stops. */
  readonly signal: AbortSignal
  /** The provider-data header of either generation; keys that begin with `__` are taken out. */
  readonly providerData: JsonObject
  /** `__test_id` of the provider-data header: part of a recording's hash. */
  readonly testId?: string
  /** The body as it was received, where there was one and it was JSON. */
  readonly rawBody?: Uint8Array
  /** Its members, as they were parsed and as they stay: what has the same members can be sent on as it came. */
  readonly rawFields?: Readonly<Record<string, unknown>>
  /** Which generation's path was called: `/v1/openai/v1/…` is Llama Stack's. Default: ogx. */
  readonly generation?: 'llama-stack' | 'ogx'
  /** What the header `x-llama-stack-cache` asks of the response cache, as it came. Default: what is configured. */
  readonly cacheControl?: string
  /** The header `x-llama-stack-strict`: what cannot be honoured as it was asked for is to be refused. Default: false. */
  readonly strict?: boolean
  /**
   * The same for all calls of one connection that stays open between them, as a WebSocket does, and for no others. What is
   * kept for it alone is to be forgotten with it.
   */
  readonly connection?: object
  /** Filled in by whoever serves the call; becomes a row of the request log. */
  readonly record?: RequestRecord
}

/** What the request log will say of a call, beside what the edge knows by itself. */
export interface RequestRecord {
  /** The model as the client named it. */
  model?: string
  providerId?: string
  providerModel?: string
  streamed?: boolean
  demo?: boolean
  /** No provider was called: an answer given before, or one under way for an equal request, was given. */
  cached?: boolean
  inputTokens?: number
  outputTokens?: number
  totalTokens?: number
  /** Milliseconds from the call to the provider until its first content. */
  firstByteMs?: number
  /** What was done otherwise than asked: `dropped:seed`, `emulated:text.format`. */
  adjustments?: string[]
  /** One entry for each provider that was tried. */
  attempts?: {
    readonly providerId: string
    readonly model: string | null
    readonly status: number | null
    readonly errorCode: string | null
    readonly durationMs: number
  }[]
}
