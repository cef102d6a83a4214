/** Connectors as the API shows them: MCP servers that the operator configured. */
import * as z from 'zod'

const words = z.string().nullable().optional()

export const Connector = z
  .looseObject({
    connector_type: z.literal('mcp'),
    connector_id: z.string(),
    url: z.string().describe('Without its query. A program that the server starts itself is `stdio:<connector_id>`.'),
    server_label: words.describe('The name under which its tools appear in responses.'),
    server_name: words.describe('What the server calls itself; null until it was first reached.'),
    server_description: words.describe('Of the configuration, else of the server.'),
    server_version: words.describe('Null until it was first reached.'),
    authorization: z
      .looseObject({
        type: z
          .enum(['none', 'bearer', 'forward', 'client_credentials', 'authorization_code'])
          .describe(
            '`none`: it knows no callers, or knows them by headers. `bearer`, `client_credentials`: it knows this server. `forward`: each caller sends a credential along. `authorization_code`: each caller logs in.',
          ),
        authorized: z.boolean().describe('Whether the caller can use it now, as far as is known without asking it.'),
      })
      .optional()
      .describe('How the server learns who calls.'),
  })
  .meta({ id: 'Connector' })
export type Connector = z.infer<typeof Connector>

export const ConnectorList = z.looseObject({ data: z.array(Connector) }).meta({ id: 'ListConnectorsResponse' })

const anySchema = z.record(z.string(), z.json()).nullable().optional()

export const ToolDefinition = z
  .looseObject({
    toolgroup_id: words.describe('The connector that the tool belongs to.'),
    name: z.string(),
    description: words,
    input_schema: anySchema.describe('JSON Schema of the arguments, as the server lists it.'),
    output_schema: anySchema.describe('JSON Schema of the structured result.'),
    metadata: anySchema.describe('`annotations`: what the server says of how the tool behaves.'),
  })
  .meta({ id: 'ToolDef' })
export type ToolDefinition = z.infer<typeof ToolDefinition>

export const ToolDefinitionList = z.looseObject({ data: z.array(ToolDefinition) }).meta({ id: 'ListToolsResponse' })

export const ConnectorId = z.object({ connector_id: z.string().min(1) })

export const ConnectorToolName = ConnectorId.extend({ tool_name: z.string().min(1) })

export const ConnectorAuthorization = z.object({
  authorization: z
    .string()
    .nullable()
    .optional()
    .describe(
      'A token for the MCP server. Addresses end up in logs and histories: send it in the header X-LlamaStack-Provider-Data instead, as {"mcp": {"<server_label>": {"authorization": "<token>"}}}.',
    ),
})

export const ConnectorLogin = z
  .looseObject({
    connector_id: z.string(),
    authorization_url: z.string().describe('The login page. It is good for one login.'),
    expires_at: z.int().describe('Unix time in seconds after which the login is not accepted any more.'),
  })
  .meta({ id: 'ConnectorLogin' })
export type ConnectorLogin = z.infer<typeof ConnectorLogin>

export const ConnectorCallback = z.object({
  state: z.string().optional(),
  code: z.string().optional(),
  iss: z.string().optional().describe('RFC 9207.'),
  error: z.string().optional(),
})
