/** Where a call goes: the server, the credential and the identity, worked out from what the request says. */
import { StackError } from '@llama-stack/api'
import type { UpstreamRequest } from '@llama-stack/api'
import { findNearest } from '../../kernel/nearest.ts'
import type { McpCaller, McpServerAddress } from './mcp-contract.ts'
import type { ConnectorEndpoint, ConnectorFinder } from './mcp-connector.ts'
import { pickCredentials, toIdentity } from './mcp-credentials.ts'
import type { McpCredentials } from './mcp-credentials.ts'
import type { McpPolicy, McpTimeouts } from './mcp-policy.ts'

export interface McpTarget {
  readonly label: string
  readonly connectorId?: string
  readonly endpoint: ConnectorEndpoint
  readonly chosenBy: UpstreamRequest['chosenBy']
  readonly credentials: McpCredentials
  readonly timeouts: McpTimeouts
  /** Of the server, whoever calls. */
  readonly serverKey: string
  /** Of the server and the identity: what shares a connection. */
  readonly key: string
  readonly principal: McpCaller['principal']
}

export interface McpTargets {
  readonly connectors: ConnectorFinder
  readonly policy: McpPolicy
}

/** Works out where a call goes. Throws `connector_not_found`, `invalid_value` and `mcp_server_authentication`. */
export function toMcpTarget(
  server: McpServerAddress,
  caller: McpCaller,
  { connectors, policy }: McpTargets,
): McpTarget {
  const connector = server.connectorId === undefined ? undefined : connectors.find(server.connectorId)
  if (server.connectorId !== undefined && connector === undefined) {
    throw toConnectorNotFound(server.connectorId, connectors)
  }
  const endpoint = connector?.endpoint ?? toEndpoint(server)
  const url = endpoint.transport === 'http' ? endpoint.url : undefined
  const credentials = pickCredentials(url === undefined ? server : { ...server, url }, caller, connector)
  // A server that a caller chose may keep something in its session: callers share those only with themselves.
  const isPersonal =
    connector === undefined || connector.perUser || credentials.oauth?.auth.type === 'authorization_code'
  const serverKey = connector === undefined ? `url ${url}` : `connector ${connector.id}`
  const identity = toIdentity(credentials, isPersonal ? caller.principal.id : undefined)
  return {
    label: server.label,
    ...(connector === undefined ? {} : { connectorId: connector.id }),
    endpoint,
    chosenBy: connector === undefined ? 'caller' : 'operator',
    credentials,
    timeouts: { ...policy, ...connector?.timeouts },
    serverKey,
    key: `${serverKey} ${identity}`,
    principal: caller.principal,
  }
}

/** The error for a connector that nobody configured. */
export function toConnectorNotFound(id: string, connectors: ConnectorFinder): StackError {
  const nearest = findNearest(
    id,
    connectors.all.map((known) => known.id),
  )
  return new StackError('connector_not_found', { connector: id, ...(nearest === undefined ? {} : { nearest }) })
}

function toEndpoint(server: McpServerAddress): ConnectorEndpoint {
  const fix = 'Give the http(s) address of the MCP server, or the id of a connector.'
  if (server.url === undefined) {
    throw new StackError('invalid_value', { param: 'server_url', problem: 'the server has no address', fix })
  }
  const url = URL.parse(server.url)
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new StackError('invalid_value', { param: 'server_url', problem: 'it is not an http(s) address', fix })
  }
  return { transport: 'http', url: url.href }
}
