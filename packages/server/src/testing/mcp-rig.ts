/** A host of MCP servers as tests need it: everything real, and the loopback interface allowed. */
import type { Clock, Connectors, JsonObject, Log } from '@llama-stack/api'
import { defaultMcp } from '../config/mcp-settings.ts'
import { systemClock } from '../kernel/clock.ts'
import { silentLog } from '../kernel/log.ts'
import { createUpstream } from '../kernel/upstream.ts'
import { openMcp } from '../services/connectors/open-mcp.ts'
import type { McpWorld } from '../services/connectors/open-mcp.ts'
import type { McpCaller, McpHost } from '../services/mcp/mcp-contract.ts'
import type { Connector } from '../services/mcp/mcp-connector.ts'
import type { McpPolicy } from '../services/mcp/mcp-policy.ts'
import { createLoginMemory, createTokenMemory } from '../services/mcp/mcp-token-store.ts'

export interface McpRigOptions {
  readonly connectors?: readonly Connector[]
  readonly policy?: Partial<McpPolicy>
  /** Default: true. */
  readonly allowPrivateUrls?: boolean
  readonly clock?: Clock
  readonly log?: Log
  readonly env?: McpWorld['env']
}

export interface McpRig extends AsyncDisposable {
  readonly host: McpHost
  readonly connectors: Connectors
  readonly world: McpWorld
}

/** The address that browsers are told to come back to. Nothing listens there. */
export const RIG_URL = 'http://localhost:8321'

/** Creates a host with its transport. */
export function createMcpRig(options: McpRigOptions = {}): McpRig {
  const upstream = createUpstream({ allowPrivateUrls: options.allowPrivateUrls ?? true })
  const all = options.connectors ?? []
  const clock = options.clock ?? systemClock
  const world: McpWorld = {
    upstream,
    connectors: { all, find: (id) => all.find((connector) => connector.id === id) },
    policy: { ...defaultMcp, ...options.policy },
    clock,
    log: options.log ?? silentLog,
    env: options.env ?? { PATH: process.env['PATH'], HOME: process.env['HOME'] },
    publicUrl: RIG_URL,
    tokens: createTokenMemory(),
    logins: createLoginMemory(clock),
  }
  const mcp = openMcp(world)
  return {
    ...mcp,
    world,
    async [Symbol.asyncDispose]() {
      await mcp[Symbol.asyncDispose]()
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
