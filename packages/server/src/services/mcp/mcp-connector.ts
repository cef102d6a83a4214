/** A connector: an MCP server that the operator configured, which requests name by its id. */
import type { McpTimeouts } from './mcp-policy.ts'

/** How a connector's server learns who calls. */
export type ConnectorAuth =
  | { readonly type: 'none' }
  /** One token for everybody. */
  | { readonly type: 'bearer'; readonly token: string }
  /** Each caller brings a credential along, in the provider data. */
  | { readonly type: 'forward' }
  /** One token for everybody, bought with the operator's secret. */
  | {
      readonly type: 'client_credentials'
      readonly clientId: string
      readonly clientSecret: string
      /** The only authorization server that is given the secret. */
      readonly issuer: string
      readonly scope?: string
    }
  /** Each caller logs in with the server's own login page. */
  | {
      readonly type: 'authorization_code'
      /** Absent: the stack registers itself. */
      readonly clientId?: string
      readonly clientSecret?: string
      readonly issuer?: string
      readonly scope?: string
    }

/** How a connector's server is reached. */
export type ConnectorEndpoint =
  | { readonly transport: 'http'; readonly url: string }
  | {
      readonly transport: 'stdio'
      readonly command: string
      readonly args: readonly string[]
      /** All variables of the process besides PATH and HOME. */
      readonly env: Readonly<Record<string, string>>
      readonly cwd?: string
    }

export interface Connector {
  readonly id: string
  readonly label: string
  readonly description?: string
  readonly endpoint: ConnectorEndpoint
  /** Sent with every request. */
  readonly headers: Readonly<Record<string, string>>
  readonly auth: ConnectorAuth
  /** Whether callers never share a connection. Connections with different credentials are never shared anyway. */
  readonly perUser: boolean
  readonly timeouts: Partial<McpTimeouts>
}

/** Finds connectors by id. */
export interface ConnectorFinder {
  find(id: string): Connector | undefined
  /** All of them, in the order of the configuration. */
  readonly all: readonly Connector[]
}
