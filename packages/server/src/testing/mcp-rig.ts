/** A host of MCP servers as tests need it: everything real, and the loopback interface allowed. */
import type { Clock, JsonObject, Log, Upstream } from '@llama-stack/api'
import { StackError } from '@llama-stack/api'
import { defaultMcp } from '../config/mcp-settings.ts'
import { systemClock } from '../kernel/clock.ts'
import { silentLog } from '../kernel/log.ts'
import { createUpstream } from '../kernel/upstream.ts'
import type { McpCaller, McpHost } from '../services/mcp/mcp-contract.ts'
import type { Connector } from '../services/mcp/mcp-connector.ts'
import { createMcpHost } from '../services/mcp/mcp-host.ts'
import type { McpHostOptions } from '../services/mcp/mcp-host.ts'
import type { McpPolicy } from '../services/mcp/mcp-policy.ts'
import { createMcpSdkLoader } from '../services/mcp/mcp-sdk.ts'

export interface McpRigOptions {
  readonly connectors?: readonly Connector[]
  readonly policy?: Partial<McpPolicy>
  /** Default: true. */
  readonly allowPrivateUrls?: boolean
  readonly clock?: Clock
  readonly log?: Log
  readonly env?: McpHostOptions['env']
  readonly toOAuthProvider?: McpHostOptions['toOAuthProvider']
}

export interface McpRig extends AsyncDisposable {
  readonly host: McpHost
  readonly upstream: Upstream
}

/** Creates a host with its transport. */
export function createMcpRig(options: McpRigOptions = {}): McpRig {
  const upstream = createUpstream({ allowPrivateUrls: options.allowPrivateUrls ?? true })
  const all = options.connectors ?? []
  const host = createMcpHost({
    upstream,
    connectors: { all, find: (id) => all.find((connector) => connector.id === id) },
    policy: { ...defaultMcp, ...options.policy },
    clock: options.clock ?? systemClock,
    log: options.log ?? silentLog,
    env: options.env ?? { PATH: process.env['PATH'], HOME: process.env['HOME'] },
    loadSdk: createMcpSdkLoader(),
    toOAuthProvider:
      options.toOAuthProvider ??
      (() => Promise.reject(new StackError('operation_unsupported', { operation: 'OAuth', provider: 'this test' }))),
  })
  return {
    host,
    upstream,
    async [Symbol.asyncDispose]() {
      await host[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

/** A caller with nothing to hide. */
export function mcpCaller(id = 'alice', providerData: JsonObject = {}, signal?: AbortSignal): McpCaller {
  return {
    principal: { id },
    signal: signal ?? new AbortController().signal,
    requestId: 'req_test',
    providerData,
  }
}

/** A connector with nothing special about it. */
export function toConnector(id: string, url: string, more: Partial<Connector> = {}): Connector {
  return {
    id,
    label: id,
    endpoint: { transport: 'http', url },
    headers: {},
    auth: { type: 'none' },
    perUser: false,
    timeouts: {},
    ...more,
  }
}
