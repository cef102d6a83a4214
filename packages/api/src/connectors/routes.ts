/** Connectors: the MCP servers of the operator, their tools, and logging in to them. */
import { defineApi } from '../route.ts'
import type { Service } from '../route.ts'
import {
  Connector,
  ConnectorAuthorization,
  ConnectorCallback,
  ConnectorId,
  ConnectorList,
  ConnectorLogin,
  ConnectorToolName,
  ToolDefinition,
  ToolDefinitionList,
} from './connector.ts'

/** What asking a connector's server may fail with. */
const asking = [
  'connector_not_found',
  'mcp_server_unreachable',
  'mcp_server_timeout',
  'mcp_server_authentication',
  'mcp_bad_reply',
] as const

export const connectors = defineApi({
  listConnectors: {
    method: 'GET',
    path: '/v1beta/connectors',
    access: 'read',
    stability: 'v1beta',
    summary: 'List the connectors.',
    description:
      'They are configured. No server is asked: what it says of itself is shown once somebody has listed or called its tools.',
    get response() {
      return ConnectorList
    },
    tag: 'Connectors',
  },
  getConnector: {
    method: 'GET',
    path: '/v1beta/connectors/{connector_id}',
    access: 'read',
    stability: 'v1beta',
    summary: 'Fetch one connector.',
    get params() {
      return ConnectorId
    },
    get query() {
      return ConnectorAuthorization
    },
    get response() {
      return Connector
    },
    errors: ['connector_not_found'],
    tag: 'Connectors',
  },
  listConnectorTools: {
    method: 'GET',
    path: '/v1beta/connectors/{connector_id}/tools',
    access: 'read',
    stability: 'v1beta',
    summary: 'List the tools of a connector.',
    description: 'In the order of its server. The list is kept for as long as the server says, else for five minutes.',
    get params() {
      return ConnectorId
    },
    get query() {
      return ConnectorAuthorization
    },
    get response() {
      return ToolDefinitionList
    },
    errors: asking,
    tag: 'Connectors',
  },
  getConnectorTool: {
    method: 'GET',
    path: '/v1beta/connectors/{connector_id}/tools/{tool_name}',
    access: 'read',
    stability: 'v1beta',
    summary: 'Fetch one tool of a connector.',
    get params() {
      return ConnectorToolName
    },
    get query() {
      return ConnectorAuthorization
    },
    get response() {
      return ToolDefinition
    },
    errors: [...asking, 'mcp_tool_not_found'],
    tag: 'Connectors',
  },
  authorizeConnector: {
    method: 'GET',
    path: '/v1beta/connectors/{connector_id}/authorize',
    access: 'write',
    stability: 'v1beta',
    summary: 'Begin a login: get the address to open in a browser.',
    description:
      'For connectors of the kind `authorization_code`. The login belongs to the caller: the tokens that it ends with are used for this caller alone.',
    get params() {
      return ConnectorId
    },
    get response() {
      return ConnectorLogin
    },
    errors: ['connector_not_found', 'connector_authorization_failed'],
    tag: 'Connectors',
  },
  finishConnectorLogin: {
    method: 'GET',
    path: '/v1beta/connectors/oauth/callback',
    access: 'public',
    stability: 'v1beta',
    summary: 'Where a browser comes back to after a login.',
    description:
      'The state in the address stands for the caller who began the login. It is good once, for ten minutes.',
    get query() {
      return ConnectorCallback
    },
    errors: ['connector_authorization_failed'],
    tag: 'Connectors',
  },
  forgetConnectorLogin: {
    method: 'DELETE',
    path: '/v1beta/connectors/{connector_id}/authorize',
    access: 'write',
    stability: 'v1beta',
    summary: 'Forget the tokens of a login.',
    description: 'They are not revoked: the login server may still accept them from whoever else has them.',
    get params() {
      return ConnectorId
    },
    status: 204,
    errors: ['connector_not_found'],
    tag: 'Connectors',
  },
})

export type Connectors = Service<typeof connectors>
