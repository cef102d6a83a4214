/**
 * The port of the conformance suite to one vendor's wire: how neutral facts are said in the vendor's own form, and how the
 * vendor's requests are read back. The suite knows no vendor, and a script knows no test.
 *
 * No file in this folder that a declaration imports may import vitest: `docs/compatibility.md` is made of declarations too.
 */
import type { JsonObject, ModelType } from '@llama-stack/api'
import type { ScriptedReply, ScriptedRequest, ScriptedRoute } from '../scripted-upstream.ts'

/** A call of a tool by the model. */
export interface VendorToolCall {
  /** The vendor's id. Vendors without ids leave it out of their replies; the adapter makes one up then. */
  readonly id: string
  readonly name: string
  readonly arguments: JsonObject
}

/** What the model says in one turn. */
export interface VendorTurn {
  /** The text, in the pieces that a stream brings; a whole reply has them joined. Empty: no text at all. */
  readonly pieces: readonly string[]
  readonly toolCalls: readonly VendorToolCall[]
  readonly finish: 'stop' | 'length' | 'tool_calls' | 'content_filter'
  readonly usage: { readonly inputTokens: number; readonly outputTokens: number }
}

/** One message as the vendor was told it. */
export interface AskedMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool'
  /** The text parts, joined. */
  readonly text: string
  readonly images: readonly { readonly mimeType: string; readonly base64: string }[]
  readonly toolCalls: readonly VendorToolCall[]
  /** Of a tool's result: the call that it answers, by the vendor's id, or by the tool's name where calls have no ids. */
  readonly toolCallId?: string
}

/** A chat as the vendor was asked for it. A field is absent where the request does not have it. */
export interface AskedChat {
  readonly model: string
  readonly streamed: boolean
  readonly messages: readonly AskedMessage[]
  readonly tools: readonly { readonly name: string; readonly description?: string; readonly parameters: unknown }[]
  readonly toolChoice?: 'auto' | 'none' | 'required' | { readonly name: string }
  readonly temperature?: number
  readonly topP?: number
  readonly maxTokens?: number
  readonly stop?: readonly string[]
  /** The JSON schema that the answer has to fit. */
  readonly schema?: unknown
  /** Everything that the neutral form has no word for, where the vendor takes such fields. */
  readonly extra: JsonObject
}

/** The bytes of a streamed reply, one entry for each of the vendor's events, the closing one included. */
export interface VendorStream {
  readonly contentType: string
  readonly frames: readonly (string | Uint8Array)[]
  /** How many frames come before the first that carries content. Default: 0. */
  readonly silentFrames?: number
}

/** The failures that the suite tells apart. */
export type VendorFaultKind =
  | 'authentication'
  | 'permission'
  | 'not_found'
  | 'rate_limit'
  | 'invalid_request'
  | 'content_policy'
  | 'internal'

/** A failure in no vendor's words. */
export interface VendorFault {
  readonly kind: VendorFaultKind
  /** The vendor's own sentence. */
  readonly message: string
  /** Of a rate limit: when to come back. */
  readonly retryAfterSeconds?: number
}

/** Chats: the request read back, and a turn as a whole reply and as a stream. */
export interface ChatScript {
  readonly read: (request: ScriptedRequest) => AskedChat
  readonly reply: (turn: VendorTurn, asked: AskedChat, request: ScriptedRequest) => ScriptedReply
  readonly stream: (turn: VendorTurn, asked: AskedChat, request: ScriptedRequest) => VendorStream
  /** The frame with which the vendor tells of a failure after its stream has begun. Absent: it just breaks off. */
  readonly faultFrame?: (fault: VendorFault) => string | Uint8Array
}

/** Text completions. */
export interface CompletionScript {
  readonly read: (request: ScriptedRequest) => {
    readonly model: string
    readonly prompt: string
    readonly streamed: boolean
  }
  readonly reply: (turn: VendorTurn) => ScriptedReply
  readonly stream: (turn: VendorTurn) => VendorStream
}

/** Embeddings as the vendor was asked for them: one request may carry one text or all of them. */
export interface AskedEmbeddings {
  readonly model: string
  readonly input: readonly string[]
  readonly dimensions?: number
  /** Default: float. */
  readonly format?: 'float' | 'base64'
}

/** Embeddings: the vectors are in the order of the texts that this one request asked for. */
export interface EmbeddingsScript {
  readonly read: (request: ScriptedRequest) => AskedEmbeddings
  readonly reply: (
    said: { readonly vectors: readonly (readonly number[])[]; readonly inputTokens: number },
    asked: AskedEmbeddings,
    request: ScriptedRequest,
  ) => ScriptedReply
}

/** Rerank as the vendor was asked for it. */
export interface AskedRerank {
  readonly model: string
  readonly query: string
  readonly documents: readonly string[]
}

/** Rerank: one score for each document, in their order. */
export interface RerankScript {
  readonly read: (request: ScriptedRequest) => AskedRerank
  readonly reply: (scores: readonly number[], asked: AskedRerank, request: ScriptedRequest) => ScriptedReply
}

/** A vendor. An operation that is absent is one that the adapter does not have either. */
export interface VendorScript {
  /**
   * Calls beside the one under test, by method and path: a token exchange, a metadata server. They are answered always
   * and are not looked at.
   */
  readonly routes?: Readonly<Record<string, ScriptedRoute>>
  readonly chat?: ChatScript
  readonly completion?: CompletionScript
  readonly embeddings?: EmbeddingsScript
  readonly rerank?: RerankScript
  /** How the vendor lists models: the routes that say so. Absent: it has no list. */
  readonly models?: (
    listed: readonly { readonly id: string; readonly type: ModelType }[],
  ) => Readonly<Record<string, ScriptedRoute>>
  /** What answers a health probe of a vendor that is well. Default: the list of models. */
  readonly health?: Readonly<Record<string, ScriptedRoute>>
  /** The reply to a call that fails. */
  readonly fault: (fault: VendorFault) => ScriptedReply
  /** The credential that a request shows (of a signed request: the id of its key); undefined where it shows none. */
  readonly credential: (request: ScriptedRequest) => string | undefined
}
