/** Tools that the server runs itself, whoever offers them: MCP servers, searches, functions of the program. */
import type { CallContext, JsonObject } from '@llama-stack/api'
import type { ChatPart } from '../chat/content-parts.ts'
import type { Citable } from './citable.ts'

/** Who calls: what travels with a request, without the request. */
export type ToolCaller = Pick<CallContext, 'principal' | 'requestId' | 'signal' | 'providerData' | 'testId'>

/** One call, its arguments read. */
export interface ServerToolCall {
  /** Of this call alone, unlike what models name theirs; an interrupted call that is repeated has the same. */
  readonly callId: string
  readonly arguments: JsonObject
}

/** What a call gave. */
export interface ToolOutcome {
  /** What the model is told: a text, or parts of a chat message. */
  readonly content: string | readonly ChatPart[]
  readonly isError: boolean
  /** What the item of the call says of it: `output` or `error` of an `mcp_call`, `results` of a search. */
  readonly members: JsonObject
  /** What the text that follows may cite. Default: nothing. */
  readonly citable?: Citable
}

/** The kinds of items that show such calls. */
export type ServerCallType = 'mcp_call' | 'web_search_call' | 'file_search_call'

export interface ServerTool {
  /** As the model calls it. */
  readonly name: string
  readonly type: ServerCallType
  /** Of an `mcp_call`. */
  readonly serverLabel?: string
  /** Whether a second run of an interrupted call does no harm. */
  readonly isRepeatable: boolean
  /** Whether somebody has to approve each call. */
  readonly needsApproval: boolean
  /** What the item says from the beginning: the query of a search. */
  describe?(args: JsonObject): JsonObject
  /** Never rejects for what a tool can do wrong: that is an outcome. Rejects when the call is aborted. */
  run(call: ServerToolCall, caller: ToolCaller): Promise<ToolOutcome>
}

/** A tool by the name that the model calls it. */
export type KnownTool =
  /** The client runs it; `namespace` is the group that the request has it in. */
  | { readonly kind: 'function' | 'custom'; readonly namespace?: string | undefined }
  | { readonly kind: 'server'; readonly tool: ServerTool }
