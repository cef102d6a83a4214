/** The tools of an MCP server as tools that the loop runs. */
import type { McpTool as McpToolRequest } from '@llama-stack/api'
import { isStackError } from '@llama-stack/api'
import type { McpResultPart, McpServerAddress, McpTool, McpToolOutcome } from '../../mcp/mcp-contract.ts'
import type { ChatPart } from '../chat/content-parts.ts'
import type { ServerTool, ToolOutcome } from './server-tool.ts'
import type { McpPort } from './tool-sources.ts'

/** Where the server of a request's tool is. */
export function toAddress(tool: McpToolRequest): McpServerAddress {
  const { server_label: label, server_url: url, connector_id: connectorId, headers, authorization } = tool
  return {
    label,
    ...(url === undefined || url === null ? {} : { url }),
    ...(connectorId === undefined || connectorId === null ? {} : { connectorId }),
    ...(headers === undefined || headers === null ? {} : { headers }),
    ...(authorization === undefined || authorization === null ? {} : { authorization }),
  }
}

export interface McpToolOptions {
  readonly host: McpPort
  readonly address: McpServerAddress
  readonly listed: McpTool
  readonly needsApproval: boolean
}

/** A tool whose failures are told to the model: it may do without, or try otherwise. */
export function createMcpTool({ host, address, listed, needsApproval }: McpToolOptions): ServerTool {
  const { name, annotations } = listed
  return {
    name,
    type: 'mcp_call',
    serverLabel: address.label,
    isRepeatable: annotations?.readOnlyHint === true || annotations?.idempotentHint === true,
    needsApproval,
    async run({ callId, arguments: args }, caller) {
      try {
        return toOutcome(await host.callTool(address, { name, arguments: args, callId }, caller))
      } catch (error) {
        caller.signal.throwIfAborted()
        if (isStackError(error)) return toFailure(error.message)
        throw error
      }
    },
  }
}

/** What the model and the item are told of a call that could not be made, or went wrong. */
export function toFailure(message: string): ToolOutcome {
  return { content: message, isError: true, members: { error: message } }
}

function toOutcome({ parts, isError, text }: McpToolOutcome): ToolOutcome {
  const content = parts.map(toChatPart)
  const told = text === '' && content.length === 0 ? NO_OUTPUT : content
  if (isError) return { content: told, isError: true, members: { error: text === '' ? NO_OUTPUT : text } }
  return { content: told, isError: false, members: { output: text } }
}

/** What upstream tells a model whose tool gave nothing. */
const NO_OUTPUT = 'Tool execution failed'

/** A part of a result as a part of a chat message. */
export function toChatPart(part: McpResultPart): ChatPart {
  if (part.type === 'text') return { type: 'text', text: part.text }
  return { type: 'image_url', image_url: { url: part.dataUrl, detail: 'auto' } }
}
