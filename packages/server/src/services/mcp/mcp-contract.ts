/** What the agent loop asks of MCP servers, and what it is told. */
import type { JsonObject, Principal } from '@llama-stack/api'

/** A server as one request names it, or as the operator configured it. */
export interface McpServerAddress {
  /** The name of the server in the request, in errors and in the log. */
  readonly label: string
  /** Absent: a connector of the operator's. */
  readonly url?: string
  readonly connectorId?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as a bearer token. Never stored, never logged. */
  readonly authorization?: string
}

/** On whose behalf a server is asked. */
export interface McpCaller {
  readonly principal: Principal
  /** Ends the waiting, and tells the server that a call is not wanted any more. */
  readonly signal: AbortSignal
  readonly requestId: string
  readonly testId?: string
  /** The caller's own credentials for MCP servers are in its members `mcp`, `mcp_headers` and `mcp_authorization`. */
  readonly providerData: JsonObject
}

/** What a server says of how its tool behaves. Nobody checks it. */
export interface McpToolAnnotations {
  readonly title?: string
  readonly readOnlyHint?: boolean
  readonly idempotentHint?: boolean
  readonly destructiveHint?: boolean
  readonly openWorldHint?: boolean
}

export interface McpTool {
  readonly name: string
  readonly title?: string
  readonly description?: string
  /** As the server lists it: the same keys in the same order, references unresolved. */
  readonly inputSchema: JsonObject
  readonly outputSchema?: JsonObject
  readonly annotations?: McpToolAnnotations
}

/** One item of a result's content, as a model can be told of it. */
export type McpResultPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image'; readonly dataUrl: string }

/** What became of a call that reached the server. */
export interface McpToolOutcome {
  /** One for each item of content. */
  readonly parts: readonly McpResultPart[]
  /** The texts, joined by line breaks: the `output` of an `mcp_call` item. */
  readonly text: string
  /** The tool says that it failed, or the server refused the call; the text says why. */
  readonly isError: boolean
  /** The server refused the call with an error of the protocol: `isError` is true, and this is its code. */
  readonly protocolErrorCode?: number
  readonly structuredContent?: unknown
}

/** How far a tool says it is. */
export interface McpProgress {
  readonly progress: number
  readonly total?: number
  readonly message?: string
}

export interface McpToolCall {
  readonly name: string
  readonly arguments: JsonObject
  /** Sent along as `_meta["io.llamastack/call_id"]`, so that a server can tell a repeated call. */
  readonly callId: string
  readonly onProgress?: (progress: McpProgress) => void
}

/** What a server says of itself. */
export interface McpServerInfo {
  readonly name?: string
  readonly version?: string
  readonly description?: string
  readonly instructions?: string
}

/** Calls the tools of MCP servers. Its methods reject with `mcp_*`, `connector_*`, `url_blocked` and `invalid_value`. */
export interface McpHost extends AsyncDisposable {
  /** In the server's order. A list is kept for each server and identity until it ends or the server says that it changed. */
  listTools(server: McpServerAddress, caller: McpCaller): Promise<readonly McpTool[]>
  /**
   * Calls a tool once. It is not called again after the server may have received the call; who repeats a call that was
   * cut off uses the same `callId`.
   */
  callTool(server: McpServerAddress, call: McpToolCall, caller: McpCaller): Promise<McpToolOutcome>
  /** What a connector's server last said of itself, to anybody; it is not asked. */
  findServerInfo(connectorId: string): McpServerInfo | undefined
}
