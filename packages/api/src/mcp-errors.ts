/** The rows of the error table that tell of MCP servers and of the connectors that name them. */
import { row, sentence } from './error-row.ts'

export interface McpFailure {
  /** The label under which the request or the configuration names the server. */
  server: string
  reason: string
}

/** What a call to an MCP server may fail with. */
export const mcpErrors = Object.freeze({
  mcp_server_unreachable: row<McpFailure>({
    status: 502,
    type: 'api_error',
    message: (d) =>
      `MCP server '${d.server}' cannot be reached: ${sentence(d.reason)} Check that it runs and that its URL is right.`,
    retryable: true,
  }),
  mcp_server_timeout: row<{ server: string; doing: string; timeoutMs: number }>({
    status: 504,
    type: 'timeout_error',
    message: (d) =>
      `MCP server '${d.server}' did not answer within ${d.timeoutMs} ms while ${d.doing}. Try again, or raise the timeout in the block mcp of the configuration.`,
    retryable: true,
  }),
  mcp_server_authentication: row<{
    server: string
    /** Which credential was sent, by its kind; never the credential. */
    credential: string
    fix: string
  }>({
    status: 401,
    type: 'authentication_error',
    message: (d) => `MCP server '${d.server}' did not accept ${d.credential}. ${d.fix}`,
  }),
  mcp_tool_not_found: row<{ server: string; tool: string; nearest?: string }>({
    status: 404,
    type: 'invalid_request_error',
    message: (d) =>
      `MCP server '${d.server}' has no tool '${d.tool}'.${d.nearest === undefined ? '' : ` Did you mean '${d.nearest}'?`} List its tools and choose one of them.`,
  }),
  mcp_bad_reply: row<McpFailure>({
    status: 502,
    type: 'api_error',
    message: (d) =>
      `MCP server '${d.server}' sent a reply that cannot be used: ${sentence(d.reason)} Look into the log of that server.`,
  }),
  connector_not_found: row<{ connector: string; nearest?: string }>({
    status: 404,
    type: 'invalid_request_error',
    message: (d) =>
      `Connector '${d.connector}' is not configured.${d.nearest === undefined ? '' : ` Did you mean '${d.nearest}'?`} List the connectors with GET /v1beta/connectors.`,
    param: () => 'connector_id',
  }),
  connector_authorization_failed: row<{ reason: string }>({
    status: 400,
    type: 'invalid_request_error',
    message: (d) =>
      `The authorization could not be completed: ${sentence(d.reason)} Begin again with GET /v1beta/connectors/{connector_id}/authorize.`,
  }),
})
