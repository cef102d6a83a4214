/** Everything about MCP, put together: the host for the agent loop, and the service behind the connectors' routes. */
import type { Clock, Connectors, Log, ProviderEnvironment, Upstream } from '@llama-stack/api'
import type { ConnectorFinder } from '../mcp/mcp-connector.ts'
import type { McpHost } from '../mcp/mcp-contract.ts'
import { createMcpHost } from '../mcp/mcp-host.ts'
import { McpOAuth } from '../mcp/mcp-oauth.ts'
import type { McpPolicy } from '../mcp/mcp-policy.ts'
import { createMcpSdkLoader } from '../mcp/mcp-sdk.ts'
import type { McpLoginStore, McpTokenStore } from '../mcp/mcp-token-store.ts'
import { createConnectorsService } from './connectors-service.ts'

export interface McpWorld {
  readonly connectors: ConnectorFinder
  readonly policy: McpPolicy
  readonly upstream: Upstream
  readonly clock: Clock
  readonly log: Log
  /** Child processes see its PATH and HOME, and nothing else of it. */
  readonly env: ProviderEnvironment
  /** Where browsers reach this server, without a slash at the end. */
  readonly publicUrl: string
  readonly tokens: McpTokenStore
  readonly logins: McpLoginStore
}

export interface OpenMcp extends AsyncDisposable {
  readonly host: McpHost
  readonly connectors: Connectors
}

/** Puts it together. No server is asked, and the SDK is not loaded, before one is named. */
export function openMcp(world: McpWorld): OpenMcp {
  const loadSdk = createMcpSdkLoader()
  const oauth = new McpOAuth({ ...world, loadSdk })
  const host = createMcpHost({ ...world, loadSdk, toAuthProvider: (target) => oauth.toAuthProvider(target) })
  return {
    host,
    connectors: createConnectorsService({ connectors: world.connectors, host, oauth }),
    [Symbol.asyncDispose]: () => host[Symbol.asyncDispose](),
  }
}
