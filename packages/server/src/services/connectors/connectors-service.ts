/** Connectors behind their routes: what is configured, the tools of each, and logging in. */
import { StackError, value } from '@llama-stack/api'
import type { CallContext, Connector as WireConnector, Connectors, ToolDefinition } from '@llama-stack/api'
import { findNearest } from '../../kernel/nearest.ts'
import type { Connector, ConnectorFinder } from '../mcp/mcp-connector.ts'
import type { McpHost, McpTool } from '../mcp/mcp-contract.ts'
import type { McpOAuth } from '../mcp/mcp-oauth.ts'
import { toConnectorNotFound } from '../mcp/mcp-target.ts'

export interface ConnectorsServiceOptions {
  readonly connectors: ConnectorFinder
  readonly host: McpHost
  readonly oauth: Pick<McpOAuth, 'beginLogin' | 'finishLogin' | 'forget' | 'isLoggedIn'>
}

/** Creates the service. */
export function createConnectorsService({ connectors, host, oauth }: ConnectorsServiceOptions): Connectors {
  const get = (id: string): Connector => {
    const found = connectors.find(id)
    if (found === undefined) throw toConnectorNotFound(id, connectors)
    return found
  }

  const show = async (connector: Connector, { principal }: CallContext): Promise<WireConnector> => {
    const { id, label, description, auth, endpoint } = connector
    const info = host.findServerInfo(id)
    const needsLogin = auth.type === 'authorization_code'
    return {
      connector_type: 'mcp',
      connector_id: id,
      url: endpoint.transport === 'stdio' ? `stdio:${id}` : toShownUrl(endpoint.url),
      server_label: label,
      server_name: info?.name ?? null,
      server_description: description ?? info?.description ?? info?.instructions ?? null,
      server_version: info?.version ?? null,
      authorization: { type: auth.type, authorized: !needsLogin || (await oauth.isLoggedIn(principal, id)) },
    }
  }

  const listTools = (
    id: string,
    authorization: string | null | undefined,
    context: CallContext,
  ): Promise<readonly McpTool[]> => {
    const { label } = get(id)
    const address = { label, connectorId: id, ...(typeof authorization === 'string' ? { authorization } : {}) }
    return host.listTools(address, context)
  }

  return {
    async listConnectors(_request, context) {
      return value({ data: await Promise.all(connectors.all.map((connector) => show(connector, context))) })
    },
    async getConnector({ connector_id: id }, context) {
      return value(await show(get(id), context))
    },
    async listConnectorTools({ connector_id: id, authorization }, context) {
      const tools = await listTools(id, authorization, context)
      return value({ data: tools.map((tool) => toDefinition(tool, id)) })
    },
    async getConnectorTool({ connector_id: id, tool_name: name, authorization }, context) {
      const tools = await listTools(id, authorization, context)
      const found = tools.find((tool) => tool.name === name)
      if (found !== undefined) return value(toDefinition(found, id))
      const nearest = findNearest(
        name,
        tools.map((tool) => tool.name),
      )
      const { label: server } = get(id)
      throw new StackError('mcp_tool_not_found', { server, tool: name, ...(nearest === undefined ? {} : { nearest }) })
    },
    async authorizeConnector({ connector_id: id }, { principal }) {
      const { url, expiresAtMs } = await oauth.beginLogin(principal, get(id))
      return value({ connector_id: id, authorization_url: url, expires_at: Math.floor(expiresAtMs / 1000) })
    },
    async finishConnectorLogin(answer) {
      const { label } = await oauth.finishLogin(answer)
      return {
        kind: 'bytes',
        bytes: `<!doctype html><meta charset="utf-8"><title>Logged in</title><p>You are logged in to ${escapeHtml(label)}. This page can be closed.</p>`,
        contentType: 'text/html; charset=utf-8',
        // The address of this page has a code in it.
        headers: { 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' },
      }
    },
    async forgetConnectorLogin({ connector_id: id }, { principal }) {
      get(id)
      await oauth.forget(principal, id)
      return value(undefined)
    },
  }
}

function toDefinition(tool: McpTool, connectorId: string): ToolDefinition {
  return {
    toolgroup_id: connectorId,
    name: tool.name,
    description: tool.description ?? null,
    // Readonly as it was listed; the wire's type is of values that may be changed.
    input_schema: tool.inputSchema as ToolDefinition['input_schema'],
    output_schema: (tool.outputSchema ?? null) as ToolDefinition['output_schema'],
    metadata: tool.annotations === undefined ? null : { annotations: { ...tool.annotations } },
  }
}

/** Keys are often part of an address's query. */
function toShownUrl(url: string): string {
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname}`
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
