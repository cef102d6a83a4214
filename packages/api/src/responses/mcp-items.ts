/** Items of tools behind MCP servers: what a server offers, a call, and the approval that a call may need. */
import * as z from 'zod'

/** One tool as an MCP server describes it. The schema passes through untouched. */
export const McpListedTool = z.looseObject({
  name: z.string(),
  description: z.string().nullish(),
  input_schema: z.looseObject({}),
  annotations: z.looseObject({}).nullish(),
})
export type McpListedTool = z.infer<typeof McpListedTool>

export const McpListTools = z
  .looseObject({
    type: z.literal('mcp_list_tools'),
    id: z.string(),
    server_label: z.string(),
    tools: z.array(McpListedTool),
    error: z.string().nullish(),
  })
  .meta({ id: 'McpListTools' })
export type McpListTools = z.infer<typeof McpListTools>

export const McpCallStatus = z.enum(['in_progress', 'completed', 'incomplete', 'calling', 'failed'])
export type McpCallStatus = z.infer<typeof McpCallStatus>

export const McpCall = z
  .looseObject({
    type: z.literal('mcp_call'),
    id: z.string(),
    server_label: z.string(),
    name: z.string(),
    arguments: z.string().describe('JSON, as the model wrote it.'),
    output: z.string().nullish(),
    error: z.string().nullish(),
    status: McpCallStatus.optional(),
    approval_request_id: z.string().nullish(),
  })
  .meta({ id: 'McpCall' })
export type McpCall = z.infer<typeof McpCall>

export const McpApprovalRequest = z
  .looseObject({
    type: z.literal('mcp_approval_request'),
    id: z.string(),
    server_label: z.string(),
    name: z.string(),
    arguments: z.string(),
  })
  .meta({ id: 'McpApprovalRequest' })
export type McpApprovalRequest = z.infer<typeof McpApprovalRequest>

export const McpApprovalResponse = z
  .looseObject({
    type: z.literal('mcp_approval_response'),
    id: z.string(),
    approval_request_id: z.string(),
    approve: z.boolean(),
    reason: z.string().nullish(),
  })
  .meta({ id: 'McpApprovalResponse' })
export type McpApprovalResponse = z.infer<typeof McpApprovalResponse>
