/**
 * The contract between the stack and its providers: what a plugin author implements and what is passed in.
 *
 * Importing a definition has no effect and loads no vendor SDK; everything of the outside world comes through
 * {@link ProviderInput}.
 */
import type { z } from 'zod'
import type { CallContext, Json, JsonObject } from './context.ts'
import type { ByteStream } from './reply.ts'
import type { ChatCompletionRequest } from './inference/chat-completions.ts'
import type { ChatCompletion, ChatCompletionChunk } from './inference/chat-replies.ts'
import type { Completion, CompletionChunk, CompletionRequest } from './inference/completions.ts'
import type { EmbeddingsRequest, EmbeddingsResponse } from './inference/embeddings.ts'
import type { RerankRequest, RerankResponse } from './inference/rerank.ts'
import type { SafetyProvider } from './safety-provider.ts'
import type { ToolRuntimeProvider } from './tool-runtime-provider.ts'

/** Severity-named sinks. The message says what happened; the fields carry the values. Secrets never enter either. */
export interface Log {
  debug(message: string, fields?: JsonObject): void
  info(message: string, fields?: JsonObject): void
  warn(message: string, fields?: JsonObject): void
  error(message: string, fields?: JsonObject): void
  /** A log that adds these fields to every line. */
  child(fields: JsonObject): Log
}

/** The time, passed in so that tests can hold it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Monotonic milliseconds, for durations. */
  monotonic(): number
}

/**
 * How a recording names a call (`RECORDINGS` rules of both upstream generations). A call without one is never recorded.
 * `inference` bodies are the keyword arguments that upstream hands to its SDK: the JSON body, with fields that the SDK
 * does not know nested under `extra_body`.
 */
export type RecordingKey =
  | {
      readonly kind: 'inference'
      /** Base URL without a trailing slash; its path is part of the hash, its host is not. */
      readonly baseUrl: string
      readonly endpoint: '/v1/chat/completions' | '/v1/completions' | '/v1/embeddings' | '/v1/models'
      readonly body: JsonObject
      readonly testId: string | null
    }
  | { readonly kind: 'ollama'; readonly endpoint: string; readonly body: JsonObject; readonly testId: string | null }
  | { readonly kind: 'http'; readonly url: string; readonly body: JsonObject; readonly testId: string | null }
  | {
      readonly kind: 'tool'
      readonly provider: string
      readonly toolName: string
      readonly arguments: JsonObject
      readonly testId: string | null
      /** The tool's result, made of a successful reply: what a recording holds. Default: the reply as it came. */
      readonly toResult?: (replyText: string) => string
    }

/** One outbound call. */
export interface UpstreamRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Absolute. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Pieces are sent one behind the other, as one body. None of it may change before the reply has come. */
  readonly body?: Uint8Array | string | readonly Uint8Array[]
  /** Who chose the URL. A caller's URL must not reach private, loopback or link-local addresses. */
  readonly chosenBy: 'operator' | 'caller'
  /** Named in errors and in the request log. */
  readonly provider: string
  readonly signal?: AbortSignal
  /** Until the response headers. Default: 600,000 ms, as the OpenAI SDK has it. */
  readonly headersTimeoutMs?: number
  /** Longest silence within the body. Default: 600,000 ms. */
  readonly idleTimeoutMs?: number
  /** How many redirects to follow. Default: 0. */
  readonly maxRedirects?: number
  /**
   * Whether the request must not reach the server twice: it is not sent again where a kept connection turns out to be
   * closed. Default: false.
   */
  readonly once?: boolean
  readonly recording?: RecordingKey
}

/** The head of a reply, and its body still flowing. */
export interface UpstreamResponse {
  readonly status: number
  /** Names in lower case; repeated headers joined with `, `. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: ByteStream
}

/** TLS, proxy, timeouts and headers of one provider: the `network` block of OGX's configuration. */
export interface NetworkOptions {
  readonly tls?: {
    readonly verify?: boolean | string
    readonly min_version?: 'TLSv1.2' | 'TLSv1.3'
    readonly ciphers?: readonly string[]
    readonly client_cert?: string
    readonly client_key?: string
  }
  readonly proxy?: {
    readonly url?: string
    readonly http?: string
    readonly https?: string
    readonly cacert?: string
    readonly no_proxy?: readonly string[]
  }
  /** Seconds, as in upstream's files. */
  readonly timeout?: number | { readonly connect?: number; readonly read?: number }
  readonly headers?: Readonly<Record<string, string>>
}

/** Every outbound call of the server passes here: pools, timeouts, the address guard, record and replay. */
export interface Upstream {
  /** Resolves at the response headers, whatever the status. Rejects with a `provider_*` or `url_blocked` error. */
  send(request: UpstreamRequest): Promise<UpstreamResponse>
  /** The same transport with a provider's own network settings. */
  with(options: NetworkOptions): Upstream
}

/** What a provider implements, by the API that it serves: also what another may depend on. */
export interface ProviderDependencies {
  inference: InferenceProvider
  safety: SafetyProvider
  tool_runtime: ToolRuntimeProvider
}

/** The APIs that providers can serve. */
export type ProviderApi = keyof ProviderDependencies

/** Variables by name, as the server was started with them. */
export type ProviderEnvironment = Readonly<Record<string, string | undefined>>

/** What `create` receives. */
export interface ProviderInput<Config, Required extends ProviderApi = never, Used extends ProviderApi = never> {
  /** The id that the operator gave this instance; the prefix of its model ids. */
  readonly id: string
  readonly config: Config
  readonly deps: { readonly [A in Required]: ProviderDependencies[A] } & {
    readonly [A in Used]?: ProviderDependencies[A]
  }
  readonly upstream: Upstream
  readonly log: Log
  readonly clock: Clock
  /** Aborted when the stack is disposed. */
  readonly signal: AbortSignal
  /**
   * Whether the provider may ask its vendor for usage that the client did not ask for. True in live mode; false while
   * recording or replaying, where outbound bodies must match. Default: false.
   */
  readonly accounting?: boolean
  /** No call leaves the server: a credential that is not there is not missed. Default: false. */
  readonly replaying?: boolean
  /** The variables of the server, for vendors whose credentials are found by a convention of their own. Default: none. */
  readonly env?: ProviderEnvironment
}

/** One call to a provider: the parts of the caller's context that concern it. */
export type ProviderCall = Pick<
  CallContext,
  'requestId' | 'signal' | 'providerData' | 'testId' | 'rawBody' | 'rawFields'
> &
  /** Whose models a provider may ask that depends on inference. Default: those of the configuration. */
  Partial<Pick<CallContext, 'principal'>>

/**
 * A provider's answer to a completion. `upstream` means that the vendor speaks OpenAI's protocol: the service relays and
 * observes the bytes. `value` and `events` are for providers that translate or compute.
 */
export type CompletionReply<Value, Event> =
  | { readonly kind: 'value'; readonly value: Value; readonly headers?: Readonly<Record<string, string>> }
  | {
      readonly kind: 'events'
      readonly events: AsyncIterable<Event>
      readonly headers?: Readonly<Record<string, string>>
      /** Usage is told though the client did not ask: the usage-only chunk is noted and taken out. Default: false. */
      readonly stripUsageChunk?: boolean
    }
  | { readonly kind: 'upstream'; readonly response: UpstreamResponse; readonly quirks: StreamQuirks }

/** Facts about a vendor's replies that the relay has to know. Each default is the well-behaved vendor. */
export interface StreamQuirks {
  /** The id is replaced by `cltsd-<uuid>` because the vendor repeats or omits ids. Default: false. */
  readonly overwriteId?: boolean
  /** Usage was asked of the vendor though the client did not ask: the usage-only chunk is taken out. Default: false. */
  readonly stripUsageChunk?: boolean
  /** A pure repair of one parsed chunk or completion, for a vendor whose fields need renaming. */
  readonly repair?: (chunk: Record<string, unknown>) => Record<string, unknown>
}

export type ModelType = 'llm' | 'embedding' | 'rerank'

/** A model as its provider lists it. */
export interface ProviderModel {
  /** The vendor's id, sent back to it unchanged. */
  readonly id: string
  readonly type: ModelType
  /** `embedding_dimension`, `context_length` and what else the vendor tells. */
  readonly metadata: JsonObject
  /** Other names that the vendor takes for it: `llama3.2` for `llama3.2:latest`. Default: none. */
  readonly names?: readonly string[]
}

/** A model that somebody registers, before it is kept. */
export interface AdoptedModel {
  /** The vendor's id as it was registered. */
  readonly id: string
  readonly type: ModelType
  /** Whether the caller wants to know that the vendor has it. */
  readonly validate: boolean
}

export interface ProviderHealth {
  readonly status: 'OK' | 'Error' | 'Not Implemented'
  readonly message?: string
  /** What the operator can do about it. */
  readonly fix?: string
}

/** What an inference provider implements. An absent operation is answered with `operation_unsupported`. */
export interface InferenceProvider {
  chatCompletion?(
    request: ChatCompletionRequest,
    call: ProviderCall,
  ): Promise<CompletionReply<ChatCompletion, ChatCompletionChunk>>
  completion?(request: CompletionRequest, call: ProviderCall): Promise<CompletionReply<Completion, CompletionChunk>>
  embeddings?(
    request: EmbeddingsRequest,
    call: ProviderCall,
  ): Promise<Exclude<CompletionReply<EmbeddingsResponse, never>, { kind: 'events' }>>
  rerank?(
    request: RerankRequest,
    call: ProviderCall,
  ): Promise<Extract<CompletionReply<RerankResponse, never>, { kind: 'value' }>>
  /** The models that this provider serves now; `undefined` when it cannot tell (no key). */
  models?(call: ProviderCall): Promise<readonly ProviderModel[] | undefined>
  health?(call: ProviderCall): Promise<ProviderHealth>
  /**
   * Resolves to the id that a registered model is called with; a provider may fetch the model first. Rejects where the
   * vendor is known not to have it. Default: the id as it is, unchecked.
   */
  adoptModel?(model: AdoptedModel, call: ProviderCall): Promise<string>
  /**
   * Whether a call may be sent to a model that nobody listed (`provider_id/anything`). Default: true.
   * Providers with a closed set of models say false.
   */
  readonly openModels?: boolean
  /**
   * The vendor whose published facts hold for its models (`openai`). Default: none. On a server of one's own, and behind
   * an address of one's own, names mean what the operator chose.
   */
  readonly catalog?: string
  /**
   * Whether a request is refused when its prompt and its `max_tokens` together exceed the context. Default: false: the
   * reply ends early, or has a limit of its own.
   */
  readonly replyCountsAsContext?: boolean
  /** Canned or computed answers, never chosen for `auto` while a real model is there. Default: false. */
  readonly demo?: boolean
  [Symbol.asyncDispose]?(): Promise<void>
}

/** A provider as its file declares it. */
export interface ProviderDefinition<
  Config extends z.ZodType = z.ZodType,
  Required extends ProviderApi = ProviderApi,
  Used extends ProviderApi = ProviderApi,
  Served extends ProviderApi = 'inference',
> {
  readonly api: Served
  /** Upstream's string: `remote::together`, `inline::sentence-transformers`. */
  readonly type: string
  readonly description: string
  /** Strict: an unknown key is an error with its line. Every key is described. */
  readonly config: Config
  readonly requires?: readonly Required[]
  readonly uses?: readonly Used[]
  /** The key of the provider-data header that carries a caller's own credential, and the variable for the server's. */
  readonly credential?: { readonly providerData: string; readonly env?: string; readonly optional?: boolean }
  /** Why this instance cannot serve with this configuration, or undefined. A key sent per request may still work. */
  readonly off?: (config: z.infer<Config>, env?: ProviderEnvironment) => string | undefined
  create(input: ProviderInput<z.infer<Config>, Required, Used>): ProviderDependencies[Served]
}

/** Declares a provider. `deps.x` is present for what `requires` names and possibly undefined for what `uses` names. */
export function defineProvider<
  Config extends z.ZodType,
  const Required extends ProviderApi = never,
  const Used extends ProviderApi = never,
  const Served extends ProviderApi = 'inference',
>(definition: ProviderDefinition<Config, Required, Used, Served>): ProviderDefinition<Config, Required, Used, Served> {
  return Object.freeze(definition)
}

/** A definition when the type of its configuration no longer matters: what the registry holds. */
export interface AnyProviderDefinition<Served extends ProviderApi = ProviderApi> extends Omit<
  ProviderDefinition,
  'api' | 'create' | 'off' | 'requires' | 'uses'
> {
  readonly api: Served
  readonly requires?: readonly ProviderApi[]
  readonly uses?: readonly ProviderApi[]
  off?(config: never, env?: ProviderEnvironment): string | undefined
  create(input: never): ProviderDependencies[Served]
}

/** What a recording or a plugin may hand over as metadata. */
export type Metadata = { readonly [key: string]: Json }
