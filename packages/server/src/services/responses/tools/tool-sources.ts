/** Where the tools come from that the server runs: ports, so that the loop knows none of their makers. */
import type { FileSearchTool, JsonObject, WebSearchTool } from '@llama-stack/api'
import type { McpHost } from '../../mcp/mcp-contract.ts'
import type { Item } from '../output/output.ts'
import type { ServerTool, ToolCaller, ToolOutcome } from './server-tool.ts'

/** MCP servers. Both reject with a `StackError`. */
export type McpPort = Pick<McpHost, 'listTools' | 'callTool'>

/** Searches. Each gives the tool, or throws `tool_unavailable` where this server cannot search so. */
export interface SearchPort {
  webSearch(tool: WebSearchTool, asked: SearchAsked): ServerTool
  fileSearch(tool: FileSearchTool, asked: SearchAsked): ServerTool
}

/** Who asks, and what the items are to show. */
export interface SearchAsked {
  readonly caller: ToolCaller
  readonly include: ReadonlySet<string>
}

/** A function of the program that runs the stack. */
export interface RegisteredTool {
  readonly name: string
  readonly description?: string | undefined
  /** JSON schema. */
  readonly parameters: JsonObject
  /** Whether a second run of an interrupted call does no harm. */
  readonly isRepeatable: boolean
  run(args: JsonObject, call: ToolCaller & { readonly callId: string }): Promise<ToolOutcome>
}

export interface ToolSources {
  /** Loads the host when it is first needed. */
  readonly mcp: () => Promise<McpPort>
  readonly search: () => Promise<SearchPort>
  readonly registered: readonly RegisteredTool[]
  /** What a request means that says nothing of approval. */
  readonly approvalDefault: 'always' | 'never'
}

/** What the previous response listed, by server label. */
export type KnownListings = ReadonlyMap<string, Item>
