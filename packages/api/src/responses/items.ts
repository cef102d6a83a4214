/**
 * The unions of items: what a client may send, what a response holds, and what is listed of both.
 *
 * An item of another type is refused with the list of these. Items that a client sends may lack the id and the status that
 * the stack's own items have.
 */
import * as z from 'zod'
import {
  CompactionItem,
  CustomToolCall,
  CustomToolCallOutput,
  FileSearchCall,
  FunctionCall,
  FunctionCallOutput,
  ReasoningItem,
  WebSearchAction,
  WebSearchCall,
} from './call-items.ts'
import {
  ApplyPatchCall,
  ApplyPatchCallOutput,
  CodeInterpreterCall,
  ComputerCall,
  ComputerCallOutput,
  ImageGenerationCall,
  LocalShellCall,
  LocalShellCallOutput,
  ShellCall,
  ShellCallOutput,
  ToolSearchCall,
  ToolSearchOutput,
} from './carried-items.ts'
import { McpApprovalRequest, McpApprovalResponse, McpCall, McpListTools } from './mcp-items.ts'
import { InputMessage, ItemStatus, KeptMessage, OutputMessage } from './message-items.ts'

const id = z.string().nullish()
const given = { id, status: ItemStatus.nullish() }

/** A stored item, named by its id alone. */
export const ItemReference = z
  .looseObject({ type: z.literal('item_reference'), id: z.string() })
  .meta({ id: 'ItemReference' })
export type ItemReference = z.infer<typeof ItemReference>

/** The same without its type, which OpenAI's document allows to be absent. */
const BareItemReference = z.looseObject({ type: z.null().optional(), role: z.null().optional(), id: z.string() })

/** One item of the `input` of a request. */
export const InputItem = z
  .union([
    z.discriminatedUnion('type', [
      InputMessage,
      ReasoningItem.extend({ id, status: ItemStatus.nullish(), content: ReasoningItem.shape.content.nullable() }),
      CompactionItem.extend({ id }),
      FunctionCall.extend(given),
      FunctionCallOutput.extend(given),
      CustomToolCall.extend(given),
      CustomToolCallOutput.extend(given),
      FileSearchCall.extend({ id }),
      WebSearchCall.extend({ id, action: WebSearchAction.nullish() }),
      McpListTools.extend({ id }),
      McpCall.extend({ id }),
      McpApprovalRequest,
      McpApprovalResponse.extend({ id }),
      ComputerCall.extend({ id }),
      ComputerCallOutput.extend({ id }),
      ImageGenerationCall.extend({ id }),
      CodeInterpreterCall.extend({ id }),
      LocalShellCall.extend({ id }),
      LocalShellCallOutput.extend({ id }),
      ShellCall.extend({ id }),
      ShellCallOutput.extend({ id }),
      ApplyPatchCall.extend({ id }),
      ApplyPatchCallOutput.extend({ id }),
      ToolSearchCall.extend({ id }),
      ToolSearchOutput.extend({ id }),
      ItemReference,
    ]),
    BareItemReference,
  ])
  .meta({ id: 'InputItem' })
export type InputItem = z.infer<typeof InputItem>

const kept = [
  ReasoningItem,
  CompactionItem,
  FunctionCall,
  FunctionCallOutput,
  CustomToolCall,
  CustomToolCallOutput,
  FileSearchCall,
  WebSearchCall,
  McpListTools,
  McpCall,
  McpApprovalRequest,
  McpApprovalResponse,
  ComputerCall,
  ComputerCallOutput,
  ImageGenerationCall,
  CodeInterpreterCall,
  LocalShellCall,
  LocalShellCallOutput,
  ShellCall,
  ShellCallOutput,
  ApplyPatchCall,
  ApplyPatchCallOutput,
  ToolSearchCall,
  ToolSearchOutput,
] as const

/** One item of the `output` of a response. */
export const OutputItem = z.discriminatedUnion('type', [OutputMessage, ...kept]).meta({ id: 'OutputItem' })
export type OutputItem = z.infer<typeof OutputItem>

/** One item as it is stored and listed: of a response's input, or of a conversation. Every one has an id. */
export const ItemResource = z
  .discriminatedUnion('type', [z.discriminatedUnion('role', [KeptMessage, OutputMessage]), ...kept])
  .meta({ id: 'ItemResource' })
export type ItemResource = z.infer<typeof ItemResource>

/** Whether an item of a request is a message: its type says so, or is absent. */
export function isInputMessage(item: InputItem): item is InputMessage {
  return item.type === 'message' || (item.type === undefined && typeof item.role === 'string')
}

/** Whether an item of a request only names a stored one. */
export function isItemReference(item: InputItem): item is ItemReference | z.infer<typeof BareItemReference> {
  return item.type === 'item_reference' || item.type === null || (item.type === undefined && !isInputMessage(item))
}
