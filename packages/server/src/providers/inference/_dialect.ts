/**
 * What has to be known about a vendor that speaks OpenAI's protocol. Shared code asks these facts and never for a
 * vendor's name. A fact that a row leaves out has the value of {@link wellBehaved}.
 */
import type { JsonObject, ModelType, UpstreamResponse } from '@llama-stack/api'
import type { RerankImages, RerankShape } from './_rerank-shapes.ts'
import type { ToldFacts } from './_told-facts.ts'

/** A configuration key that may carry the vendor's URL, over both generations. */
export type UrlSetting = 'base_url' | 'url' | 'api_base' | 'openai_compat_api_base'

/** A configuration key that carries the operator's credential. */
export type KeySetting = 'api_key' | 'api_token'

/** A configuration key that only some vendors have. */
export type ExtraSetting =
  | 'access_token'
  | 'project'
  | 'api_version'
  | 'api_type'
  | 'append_api_version'
  | 'timeout'
  | 'rerank_model_to_url'
  | 'guardrails_service_url'
  | 'config_id'
  | 'huggingface_repo'
  | 'endpoint_name'
  | 'forward_headers'
  | 'extra_blocked_headers'
  | 'max_tokens'
  | 'tls_verify'
  | 'native_responses'
  | 'fairness_header_attribute'
  | 'tenant_id'
  | 'client_id'
  | 'client_secret'
  | 'federated_token_file'
  | 'managed_identity'
  | 'authority_host'
  | 'token_scope'
  | 'project_id'
  | 'iam_url'
  | 'oci_auth_type'
  | 'oci_region'
  | 'oci_compartment_id'
  | 'oci_config_file_path'
  | 'oci_config_profile'
  | 'keep_alive'
  | 'num_ctx'
  | 'options'

/** The operations of the protocol that have a body. */
export type Operation = 'chat' | 'completions' | 'embeddings'

/** A request body on its way out. */
export type OutboundBody = Record<string, unknown>

/** What an embedding model has to tell before vectors can be stored. */
export interface EmbeddingFacts {
  readonly dimension: number
  /** In tokens. */
  readonly contextLength: number
}

/** How a vendor lists its models. */
export interface Listing {
  /** With a query where one is needed. */
  readonly path: string
  /** Below the base URL, below the root (the base URL without its API path), or below the host. Default: `base`. */
  readonly below?: 'base' | 'root' | 'origin'
  /** A path below the base URL that servers have which know nothing of the first. Default: every server has that. */
  readonly orElse?: string
  /** The field that holds the models; empty where the reply is a bare array. Default: `data`. */
  readonly list?: string
  /** The field that holds a model's id. Default: `id`. */
  readonly id?: string
  /** Sent with the listing only. `{key}` stands for the key. Default, and where there is a token in its place: the usual ones. */
  readonly headers?: Readonly<Record<string, string>>
  /**
   * Fields of a listed model that tell its type, first match wins: the dotted path, and what its values mean. Of a list
   * of values the first that means something counts. `null` is a model that none of our operations can call, and so is
   * a value that is not named where `others` is `null`. Default: every model is an `llm`.
   */
  readonly types?: readonly {
    readonly field: string
    readonly values: Readonly<Record<string, ModelType | null>>
    readonly others?: null
  }[]
  /** Rows that say otherwise in this field are left out. Default: none is. */
  readonly only?: { readonly field: string; readonly value: string }
  /** Rows that say so in this field come first; others keep their order. Default: none does. */
  readonly first?: { readonly field: string; readonly value: string }
  /** Metadata by its name, and the dotted path that it is found at. Default: the context length, where usual. */
  readonly facts?: Readonly<Record<string, string>>
  /** Where the list tells what a model takes, can do and costs. Default: it does not. */
  readonly tells?: ToldFacts
  /** A second call for each model that the list tells too little about. Default: none. */
  readonly details?: ListingDetails
}

/** A POST that tells about one listed model. */
export interface ListingDetails {
  /** Below the root. */
  readonly path: string
  /** Asked for models that lack this field. */
  readonly unless: string
  /** Changes when the model does: the same one is asked about once. */
  readonly version: string
  /** What of the reply belongs to the listed model. Pure. */
  readonly merge: (reply: unknown) => JsonObject
}

/** A call in the vendor's own API in place of OpenAI's. */
export interface NativeCall {
  /** Below the root. */
  readonly path: string
  readonly body: JsonObject
  /** The successful reply as OpenAI's protocol has it. */
  readonly translate: (response: UpstreamResponse) => Promise<UpstreamResponse> | UpstreamResponse
}

/** A path for rerank calls: below the base URL, or below the root (the base URL without its API path). */
export interface RerankPath {
  readonly path: string
  readonly below: 'base' | 'root'
}

/** How a vendor reranks. */
export type Reranking = { readonly images: RerankImages } & (
  | {
      /** One address for all models: the first of the paths that the server knows. */
      readonly kind: 'shared'
      readonly paths: readonly (RerankPath & { readonly shape: RerankShape })[]
    }
  | {
      /** An address for each hosted model; a server of one's own has one path for the model it serves. */
      readonly kind: 'per-model'
      readonly shape: RerankShape
      readonly urls: Readonly<Record<string, string>>
      readonly selfHosted: RerankPath
    }
)

/** Facts with a default. */
export interface OptionalFacts {
  /** Where the API is unless the operator says otherwise. Default: nowhere, the operator has to say. */
  readonly baseUrl: string | undefined
  /**
   * The name under which the facts of the vendor's models are published (docs/reference/models.md). They hold at
   * {@link baseUrl} only: elsewhere a name means what its operator chose. Default: none are.
   */
  readonly catalog: string | undefined
  /** The environment variable that upstream's distributions read the URL from; named in messages. Default: none. */
  readonly urlEnv: string | undefined
  /** Configuration keys for the URL, the first present one wins. Default: `base_url`, then `url`. */
  readonly urlSettings: readonly UrlSetting[]
  /** The path that the API lives under. It is added to a configured URL that has no path. Default: `/v1`. */
  readonly apiPath: string
  /** URL keys to whose value {@link apiPath} is added whatever path it has, unless it ends so. Default: none. */
  readonly rootSettings: readonly UrlSetting[]
  /** Configuration keys for the credential, the first present one wins. Default: `api_key`. */
  readonly keySettings: readonly KeySetting[]
  /** Configuration keys beside URL, credential and those of every provider. Default: none. */
  readonly extraSettings: readonly ExtraSetting[]
  /** The environment variable of the credential; named in messages, read by configurations. Default: none. */
  readonly env: string | undefined
  /** The key of the provider-data header for a caller's own URL. Default: callers cannot choose the URL. */
  readonly urlProviderData: string | undefined
  /** The key of the provider-data header for a caller's own API version. Default: none. */
  readonly versionProviderData: string | undefined
  /**
   * The header that carries the credential. `exchanged` is none: the key only buys the tokens that are sent.
   * Default: `bearer`, that is `Authorization: Bearer <key>`.
   */
  readonly auth: 'bearer' | 'api-key' | 'exchanged'
  /** Where tokens come from when the operator has an identity and no key. Default: nowhere. */
  readonly identity: 'entra' | undefined
  /** When a call may go out without a credential: `elsewhere` is a base URL other than the vendor's. Default: `never`. */
  readonly keyless: 'never' | 'always' | 'elsewhere'
  /** Sent as the credential where none is configured and none is needed. Default: no header at all. */
  readonly placeholderKey: string | undefined
  /** The header that names the project which an access token is billed to. Default: none. */
  readonly projectHeader: string | undefined
  /** Sent with every call. Default: none. */
  readonly headers: Readonly<Record<string, string>>
  /** The query of every call, `?version=…`. Default: empty. */
  readonly query: string
  /** The versions that the vendor's path knows, sent as the query `api-version`; others are left out. Default: none. */
  readonly versions: readonly string[]
  /** Whether the vendor has text completions. Default: true. */
  readonly completions: boolean
  /** Whether the vendor has embeddings. Default: true. */
  readonly embeddings: boolean
  /** How the vendor reranks. Default: it does not. */
  readonly rerank: Reranking | undefined
  /** Whether a stream ends with usage when `stream_options.include_usage` asks for it. Default: true. */
  readonly streamUsage: boolean
  /**
   * Whether a request is refused when its prompt and its `max_tokens` together exceed the context. Default: false, the
   * reply ends early or has a limit of its own.
   */
  readonly replyCountsAsContext: boolean
  /** Whether http(s) images have to be sent inline because the vendor does not fetch them. Default: false. */
  readonly inlineImages: boolean
  /** Whether embeddings take token ids as input. Default: false. */
  readonly tokenInput: boolean
  /** Whether ids of completions are replaced because the vendor repeats or omits them. Default: false. */
  readonly overwriteId: boolean
  /** A path below the root that answers when the server is well. Default: none, the list of models is asked for. */
  readonly health: { readonly path: string; readonly recordedAs?: 'ollama' } | undefined
  /** Parts of names, in lower case, that tell a model's type where nothing else does. Default: none. */
  readonly nameTypes: Readonly<Record<string, ModelType>>
  /** How the models are listed. Default: `/models`, every model an `llm`. */
  readonly listing: Listing | undefined
  /** How they are listed in live mode, where the vendor's own API tells more than recordings have room for. Default: as ever. */
  readonly liveListing: Listing | undefined
  /** What the vendor adds to a name without a tag: `llama3.2` is `llama3.2:latest`. Default: names are whole. */
  readonly defaultTag: string | undefined
  /** How a model that is not there is fetched when one of these types is registered. Default: it cannot be. */
  readonly pull: { readonly path: string; readonly types: readonly ModelType[] } | undefined
  /** The vendor's models where it has no list. Default: none. */
  readonly fixedModels: readonly string[]
  /** The configuration key that names the only model of an instance. Default: none. */
  readonly modelSetting: 'huggingface_repo' | undefined
  /** Embedding models by id, or by id without its `:tag`: no vendor's list tells their dimension. Default: none. */
  readonly embeddingModels: Readonly<Record<string, EmbeddingFacts>>
  /** Fields that the vendor refuses and that change nothing for the caller: not sent. Default: none. */
  readonly droppedFields: Readonly<Partial<Record<Operation, readonly string[]>>>
  /** Fields that the vendor refuses and whose absence would change the result: answered with an error. Default: none. */
  readonly refusedFields: Readonly<Partial<Record<Operation, readonly string[]>>>
  /** Fields that the vendor knows by another name. Default: none. */
  readonly renamedFields: Readonly<Record<string, string>>
  /** What stands for token counts that an embeddings reply leaves out. Default: the vendor always sends usage. */
  readonly missingUsage: -1 | 0 | undefined
  /** The most that a model may be asked to write; `max_tokens` and `max_completion_tokens` are lowered to it. Default: none. */
  readonly maxOutputTokens: Readonly<Record<string, number>>
  /** Whether the base URL is asked of Hugging Face by `endpoint_name`. Default: false. */
  readonly locatedByName: boolean
  /** A pure change of the body before it leaves, also seen by recordings. Default: none. */
  readonly request: ((body: OutboundBody, operation: Operation, config: JsonObject) => OutboundBody) | undefined
  /** A call of the vendor's own for what OpenAI's protocol cannot say; live mode only. Pure. Default: none. */
  readonly native:
    | ((body: OutboundBody, operation: Operation, config: JsonObject) => NativeCall | undefined)
    | undefined
  /** A pure repair of one parsed chunk or completion. Default: none. */
  readonly chunk: ((chunk: Record<string, unknown>) => Record<string, unknown>) | undefined
}

/** Facts that every row states. */
export interface RequiredFacts {
  /** Upstream's string, `remote::together`. */
  readonly type: string
  readonly description: string
  /** The key of the provider-data header that carries a caller's own credential. */
  readonly providerData: string
}

/** All facts about a vendor. */
export type Dialect = RequiredFacts & OptionalFacts

/** A row of the table: the required facts and what differs from {@link wellBehaved}. */
export type DialectRow = RequiredFacts & Partial<OptionalFacts>

/** The vendor that does all that OpenAI's reference says. */
export const wellBehaved: OptionalFacts = deepFreeze({
  baseUrl: undefined,
  catalog: undefined,
  urlEnv: undefined,
  urlSettings: ['base_url', 'url'],
  apiPath: '/v1',
  rootSettings: [],
  keySettings: ['api_key'],
  extraSettings: [],
  env: undefined,
  urlProviderData: undefined,
  versionProviderData: undefined,
  auth: 'bearer',
  identity: undefined,
  keyless: 'never',
  placeholderKey: undefined,
  projectHeader: undefined,
  headers: {},
  query: '',
  versions: [],
  completions: true,
  embeddings: true,
  rerank: undefined,
  streamUsage: true,
  replyCountsAsContext: false,
  inlineImages: false,
  tokenInput: false,
  overwriteId: false,
  health: undefined,
  nameTypes: {},
  listing: { path: '/models' },
  liveListing: undefined,
  defaultTag: undefined,
  pull: undefined,
  fixedModels: [],
  modelSetting: undefined,
  embeddingModels: {},
  droppedFields: {},
  refusedFields: {},
  renamedFields: {},
  missingUsage: undefined,
  maxOutputTokens: {},
  locatedByName: false,
  request: undefined,
  native: undefined,
  chunk: undefined,
})

/** Fills in what a row leaves out, and freezes the result. */
export function toDialect(row: DialectRow): Dialect {
  return deepFreeze({ ...wellBehaved, ...row })
}

/** Freezes a value of plain data with everything inside. */
export function deepFreeze<Value>(of: Value): Value {
  if (typeof of === 'object' && of !== null && !Object.isFrozen(of)) {
    Object.freeze(of)
    for (const inner of Object.values(of)) deepFreeze(inner)
  }
  return of
}
