/**
 * The storage port: what the stack keeps, whatever keeps it.
 *
 * Every row has one owner. A repository is made for a principal and sees that principal's rows only, so that no caller
 * can forget to ask whose they are.
 */
import type { JsonObject, ModelType, Principal } from '@llama-stack/api'
import type { ConnectorTokenRepository, PendingLogins } from './connector-logins.ts'
import type { ConversationRepository, JobQueue, PromptRepository, ResponseRepository } from './agent-state.ts'

/** The open store. Disposing it writes what is still buffered. */
export interface Storage extends AsyncDisposable {
  chatCompletions(principal: Principal): ChatCompletionRepository
  models(principal: Principal): ModelRepository
  /**
   * Changes when anybody registers or removes a model, in another process too. What is remembered of the models is to be
   * forgotten then. Constant where this process is the only one: it knows what it has changed.
   */
  modelRevision(): number
  modelProbes(principal: Principal): ModelProbeRepository
  shields(principal: Principal): ShieldRepository
  requestLog(principal: Principal): RequestLogReader
  responseCache(principal: Principal): ResponseCacheRepository
  responses(principal: Principal): ResponseRepository
  conversations(principal: Principal): ConversationRepository
  prompts(principal: Principal): PromptRepository
  readonly jobs: JobQueue
  connectorTokens(principal: Principal): ConnectorTokenRepository
  readonly pendingLogins: PendingLogins
  /** Takes note of one served request. Returns at once and never throws; the row is written within 250 ms. */
  appendRequestLog(entry: RequestLogEntry): void
  /** Resolves when everything handed over so far is written. */
  flush(): Promise<void>
}

/** The direction of a list, from the oldest row or from the newest. */
export type ListOrder = 'asc' | 'desc'

/** One page of rows, and whether more follow. */
export interface Page<Row> {
  readonly rows: readonly Row[]
  readonly hasMore: boolean
}

/** String pairs that a client attaches to a completion. */
export type CompletionMetadata = Readonly<Record<string, string>>

/** A reply as it was sent: one JSON body, or the bytes of an event stream. */
export interface StoredReply<Bytes = Uint8Array> {
  readonly format: 'json' | 'sse'
  readonly bytes: Bytes
}

/** A chat completion to be stored, as the bytes that were seen. */
export interface NewChatCompletion {
  readonly id: string
  readonly createdAtMs: number
  readonly model: string
  /** The JSON body as it was received. */
  readonly request: Uint8Array
  readonly reply: StoredReply<Uint8Array | readonly Uint8Array[]>
  readonly metadata?: CompletionMetadata | null | undefined
}

/** A stored chat completion. Objects are assembled from its bytes by whoever reads it. */
export interface ChatCompletionRow {
  /** Unique for its owner, and the only id to show: the bytes of a superseded row still carry the vendor's. */
  readonly id: string
  readonly createdAtMs: number
  readonly model: string
  readonly request: Uint8Array
  readonly reply: StoredReply
  readonly metadata: CompletionMetadata | null
}

/** Which chat completions to list. */
export interface ChatCompletionQuery {
  /** The id of the last row that the caller has. An unknown one is refused with `invalid_value`. */
  readonly after?: string | undefined
  readonly limit: number
  readonly order: ListOrder
  readonly model?: string | undefined
  /** Every pair given has to be present in the row. */
  readonly metadata?: CompletionMetadata | undefined
}

/** The stored chat completions of one owner. */
export interface ChatCompletionRepository {
  /**
   * Stores a completion; resolves after the commit. Vendors repeat ids: the newest row owns the id, and the older ones
   * are kept under `<id>~<number>`. They stay there when the newest one is deleted.
   */
  insert(completion: NewChatCompletion): Promise<void>
  find(id: string): Promise<ChatCompletionRow | undefined>
  /** In the order of insertion. The id of a deleted row is still good to continue after. */
  list(query: ChatCompletionQuery): Promise<Page<ChatCompletionRow>>
  /** False when there is no such row. */
  updateMetadata(id: string, metadata: CompletionMetadata | null): Promise<boolean>
  /** False when there is no such row. */
  delete(id: string): Promise<boolean>
}

/** A model or an alias that somebody registered. */
export interface RegisteredModel {
  readonly modelId: string
  readonly providerId: string
  /** The id that the provider is asked with. */
  readonly providerModelId: string
  readonly type: ModelType
  readonly metadata: JsonObject
  readonly createdAtMs: number
}

/** The registered models of one owner. */
export interface ModelRepository {
  /** Refused with `model_exists` when the id is taken. */
  insert(model: RegisteredModel): Promise<void>
  find(modelId: string): Promise<RegisteredModel | undefined>
  /** All of them, oldest first. */
  list(): Promise<readonly RegisteredModel[]>
  /** False when there is no such row. */
  delete(modelId: string): Promise<boolean>
}

/** What trying a model out has shown. */
export interface ModelProbeRow {
  readonly providerId: string
  /** The id that the provider was asked with. */
  readonly providerModelId: string
  readonly facts: JsonObject
  readonly probedAtMs: number
}

/** The tried models of one owner: of each the last outcome. */
export interface ModelProbeRepository {
  save(probe: ModelProbeRow): Promise<void>
  list(): Promise<readonly ModelProbeRow[]>
}

/** A shield that somebody registered. */
export interface RegisteredShield {
  readonly shieldId: string
  readonly providerId: string
  /** What its provider calls it: for a shield that is a model, the model's id. */
  readonly providerShieldId: string
  readonly params: JsonObject
}

/** The registered shields of one owner. */
export interface ShieldRepository {
  /** Refused with `shield_exists` when the id is taken. */
  insert(shield: RegisteredShield): Promise<void>
  find(shieldId: string): Promise<RegisteredShield | undefined>
  /** All of them, oldest first. */
  list(): Promise<readonly RegisteredShield[]>
  /** False when there is no such row. */
  delete(shieldId: string): Promise<boolean>
}

/** One call to a provider within a request. */
export interface RequestAttempt {
  readonly providerId: string
  readonly model: string | null
  /** The provider's HTTP status, when there was one. */
  readonly status: number | null
  readonly errorCode: string | null
  readonly durationMs: number
}

/** What is known of one served request when it has ended. */
export interface RequestLogEntry {
  readonly principal: Principal
  readonly requestId: string
  readonly startedAtMs: number
  /** The operation's name in its API, `null` where no route matched. */
  readonly operation: string | null
  /** The declared path, `null` where no route matched. */
  readonly route: string | null
  readonly method: string
  /** The path as it was asked for, without its query. */
  readonly path: string
  readonly status: number
  readonly errorCode: string | null
  /** The model that was asked for. */
  readonly model: string | null
  readonly providerId: string | null
  /** The model id that the provider was asked with. */
  readonly providerModel: string | null
  readonly streamed: boolean
  /** Answered by a demo provider. */
  readonly demo: boolean
  /** Token counts are `null` when nobody told them. */
  readonly inputTokens: number | null
  readonly outputTokens: number | null
  readonly totalTokens: number | null
  /** From the request to the first byte of the reply. */
  readonly firstByteMs: number | null
  readonly durationMs: number
  readonly attempts: readonly RequestAttempt[]
  /** The user agent. */
  readonly client: string | null
  /** No provider was called for it: an answer given before, or one under way for an equal request, was given. */
  readonly cached: boolean
  /** What was done otherwise than asked: `dropped:seed`, `emulated:text.format`. */
  readonly adjustments: readonly string[]
}

/** A row of the request log, and the cursor that continues a list after it. */
export interface RequestLogRow extends Omit<RequestLogEntry, 'principal'> {
  readonly cursor: string
}

/** Which rows of the request log to list. */
export interface RequestLogQuery {
  /** The `cursor` of the last row that the caller has. It stays valid when retention deletes that row. */
  readonly after?: string | undefined
  readonly limit: number
  readonly order: ListOrder
  /** Rows that started at this time or later. */
  readonly fromMs?: number | undefined
  /** Rows that started before this time. */
  readonly untilMs?: number | undefined
}

/** The request log of one owner. */
export interface RequestLogReader {
  /** What was appended before the call is included. */
  list(query: RequestLogQuery): Promise<Page<RequestLogRow>>
}

/** How a reply was given, and is to be given again: as a value, as the bytes of a body, or as those of a stream. */
export type CachedReplyFormat = 'value' | 'bytes' | 'stream'

/** What a reply says beside its body, and what the request log says of it. */
export interface CachedReplyOrigin {
  readonly headers: Readonly<Record<string, string>>
  readonly contentType: string
  readonly providerId: string | null
  readonly providerModel: string | null
  readonly demo: boolean
  /** Token counts are `null` when nobody told them. */
  readonly inputTokens: number | null
  readonly outputTokens: number | null
  readonly totalTokens: number | null
}

/** An answer that may be given again. */
export interface CachedReply {
  /** Names what was asked; one owner has one reply under one key. */
  readonly key: string
  readonly operation: string
  /** The model that was asked for. */
  readonly model: string
  readonly format: CachedReplyFormat
  readonly createdAtMs: number
  readonly expiresAtMs: number
  readonly origin: CachedReplyOrigin
  readonly body: Uint8Array
}

/** The replies to one operation of one model. */
export interface CachedReplySummary {
  readonly operation: string
  readonly model: string
  readonly entries: number
  readonly bytes: number
  readonly oldestAtMs: number
  readonly newestAtMs: number
}

/**
 * The cached replies of one owner. All owners together have so many bytes as the store was opened with; beyond that, those
 * that were not used for the longest time are deleted.
 */
export interface ResponseCacheRepository {
  /** Undefined where there is none, or it has expired. */
  find(key: string): Promise<CachedReply | undefined>
  /** When the reply was made that `find` would give: tells whether what is remembered of it still holds. */
  createdAtMs(key: string): Promise<number | undefined>
  /** Takes the place of the reply of that key; resolves after the commit. */
  put(reply: CachedReply): Promise<void>
  /** Notes that the reply was used. */
  touch(key: string): Promise<void>
  /** What has not expired, by operation and model. */
  summarize(): Promise<readonly CachedReplySummary[]>
  /** Deletes the replies of one model, or all; how many there were. */
  clear(model?: string): Promise<number>
}
