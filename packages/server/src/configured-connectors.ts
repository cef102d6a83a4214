/** From the connectors of a configuration to those that the agent engine looks up. */
import type { ConnectorEntry, ConnectorLists } from './config/connector-entries.ts'
import type { Connector, ConnectorAuth, ConnectorFinder } from './services/mcp/mcp-connector.ts'

/** The connectors, and the MCP servers among the tool groups. No two have the same id: the configuration was checked. */
export function toConnectors({ connectors, tool_groups }: ConnectorLists): ConnectorFinder {
  const all = [...connectors.map(toConnector), ...tool_groups.flatMap(toConnectorOfGroup)]
  const byId = new Map(all.map((connector) => [connector.id, connector]))
  return { all, find: (id) => byId.get(id) }
}

function toConnectorOfGroup({
  toolgroup_id: id,
  mcp_endpoint: endpoint,
}: ConnectorLists['tool_groups'][number]): Connector[] {
  if (endpoint === undefined || endpoint === null) return []
  const server = { transport: 'http', url: endpoint.uri } as const
  return [{ id, label: id, timeouts: {}, endpoint: server, headers: {}, perUser: false, auth: { type: 'none' } }]
}

function toConnector(entry: ConnectorEntry): Connector {
  const { connector_id: id, server_label: label = id, server_description: description } = entry
  const timeouts = {
    ...(entry.connect_timeout_ms === undefined ? {} : { connectTimeoutMs: entry.connect_timeout_ms }),
    ...(entry.list_timeout_ms === undefined ? {} : { listTimeoutMs: entry.list_timeout_ms }),
    ...(entry.call_timeout_ms === undefined ? {} : { callTimeoutMs: entry.call_timeout_ms }),
    ...(entry.max_call_ms === undefined ? {} : { maxCallMs: entry.max_call_ms }),
  }
  const shared = { id, label, timeouts, ...(description === undefined ? {} : { description }) }
  if (entry.transport === 'http') {
    const { url, headers, per_user: perUser, auth } = entry
    return { ...shared, endpoint: { transport: 'http', url }, headers, perUser, auth: toAuth(auth) }
  }
  const { command, args, env, cwd } = entry
  const endpoint = { transport: 'stdio', command, args, env, ...(cwd === undefined ? {} : { cwd }) } as const
  return { ...shared, endpoint, headers: {}, perUser: false, auth: { type: 'none' } }
}

function toAuth(auth: Extract<ConnectorEntry, { transport: 'http' }>['auth']): ConnectorAuth {
  if (auth.type === 'none' || auth.type === 'bearer' || auth.type === 'forward') return auth
  const scope = auth.scope === undefined ? {} : { scope: auth.scope }
  if (auth.type === 'client_credentials') {
    return {
      type: auth.type,
      clientId: auth.client_id,
      clientSecret: auth.client_secret,
      issuer: auth.issuer,
      ...scope,
    }
  }
  return {
    type: auth.type,
    ...(auth.client_id === undefined ? {} : { clientId: auth.client_id }),
    ...(auth.client_secret === undefined ? {} : { clientSecret: auth.client_secret }),
    ...(auth.issuer === undefined ? {} : { issuer: auth.issuer }),
    ...scope,
  }
}
