/** The host of MCP servers: lists and calls their tools for the agent loop. */
import type { AuthProvider } from '@modelcontextprotocol/client'
import { isStackError, StackError } from '@llama-stack/api'
import type { Clock, Log, ProviderEnvironment, Upstream } from '@llama-stack/api'
import { findNearest } from '../../kernel/nearest.ts'
import { STREAM_ENDED } from './mcp-connection.ts'
import { McpConnections, toAbandoned } from './mcp-connections.ts'
import type { UsedConnection } from './mcp-connections.ts'
import type {
  McpCaller,
  McpHost,
  McpServerAddress,
  McpServerInfo,
  McpTool,
  McpToolCall,
  McpToolOutcome,
} from './mcp-contract.ts'
import type { ConnectorFinder } from './mcp-connector.ts'
import { McpDialer } from './mcp-dialer.ts'
import { findRefusal, isSessionLost, neverArrived, toMcpError, withoutSecrets } from './mcp-failure.ts'
import type { McpAttempt } from './mcp-failure.ts'
import type { McpPolicy } from './mcp-policy.ts'
import type { McpSdk } from './mcp-sdk.ts'
import { toMcpTarget } from './mcp-target.ts'
import type { McpTarget } from './mcp-target.ts'
import { readToolList } from './mcp-tool-list.ts'
import type { ToolList } from './mcp-tool-list.ts'
import { toRefusedOutcome, toToolOutcome } from './mcp-tool-result.ts'
import { ToolListCache } from './tool-list-cache.ts'
import { unlessAborted } from './unless-aborted.ts'

export interface McpHostOptions {
  readonly upstream: Upstream
  readonly connectors: ConnectorFinder
  readonly policy: McpPolicy
  readonly clock: Clock
  readonly log: Log
  /** Child processes see its PATH and HOME, and nothing else of it. */
  readonly env: ProviderEnvironment
  readonly loadSdk: () => Promise<McpSdk>
  /** Tokens for the targets whose connectors use OAuth. */
  readonly toAuthProvider: (target: McpTarget) => Promise<AuthProvider>
}

/** Creates a host. It opens no connection before a server is named. */
export function createMcpHost(options: McpHostOptions): McpHost {
  return new Host(options)
}

/** Codes of the protocol with which servers answer a call of a tool that they do not have. */
const NO_SUCH_TOOL = new Set([-32_601, -32_602])

/** Beyond this, the words with which a server refuses a call are of no more use to a model. */
const MAX_REFUSAL_LENGTH = 10_000

class Host implements McpHost {
  readonly #options: McpHostOptions
  readonly #connections: McpConnections
  readonly #lists: ToolListCache
  readonly #infos = new Map<string, McpServerInfo>()

  constructor(options: McpHostOptions) {
    this.#options = options
    const { clock, policy } = options
    const dialer = new McpDialer({ ...options, maxMessageBytes: policy.maxMessageBytes })
    this.#lists = new ToolListCache(clock)
    this.#connections = new McpConnections({
      policy,
      clock,
      dial: (target, events) => dialer.dial(target, events),
      onToolsChanged: (key) => this.#lists.expire(key),
      onOpened: ({ connectorId }, { info }) => {
        if (connectorId !== undefined) this.#infos.set(connectorId, info)
      },
    })
  }

  async listTools(server: McpServerAddress, caller: McpCaller): Promise<readonly McpTool[]> {
    return this.#list(toMcpTarget(server, caller, this.#options), caller.signal)
  }

  async callTool(server: McpServerAddress, call: McpToolCall, caller: McpCaller): Promise<McpToolOutcome> {
    const target = toMcpTarget(server, caller, this.#options)
    const attempt = { target, doing: `calling its tool '${call.name}'`, timeoutMs: target.timeouts.callTimeoutMs }
    try {
      return await this.#retryOnce(target, caller.signal, (used) => this.#call(used, call, { target, caller }))
    } catch (error) {
      if (caller.signal.aborted) throw toAbandoned(target)
      const refusal = findRefusal(error)
      if (refusal === undefined) throw toMcpError(error, attempt)
      if (refusal.message === STREAM_ENDED) {
        throw new StackError('mcp_server_unreachable', { server: target.label, reason: STREAM_ENDED }, { cause: error })
      }
      if (NO_SUCH_TOOL.has(refusal.code)) await this.#refuseUnknown(target, call.name, caller.signal)
      return toRefusedOutcome(refusal.code, withoutSecrets(refusal.message, attempt).slice(0, MAX_REFUSAL_LENGTH))
    }
  }

  findServerInfo(connectorId: string): McpServerInfo | undefined {
    return this.#infos.get(connectorId)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#connections[Symbol.asyncDispose]()
  }

  async #call(
    { connection }: UsedConnection,
    call: McpToolCall,
    { target, caller }: { readonly target: McpTarget; readonly caller: McpCaller },
  ): Promise<McpToolOutcome> {
    const definition = connection.needsDefinitions
      ? await this.#findDefinition(target, call.name, caller.signal)
      : undefined
    const { callTimeoutMs, maxCallMs } = target.timeouts
    const patience = { timeoutMs: callTimeoutMs, maxMs: maxCallMs, signal: caller.signal }
    const result = await connection.call(call, definition, patience)
    return toToolOutcome(result, this.#options.policy.maxResultBytes)
  }

  /** The newest definition that is known, however old: the server says so itself where a call does not fit any more. */
  async #findDefinition(target: McpTarget, name: string, signal: AbortSignal): Promise<McpTool | undefined> {
    const isNamed = (tool: McpTool): boolean => tool.name === name
    return this.#lists.findAny(target.key)?.find(isNamed) ?? (await this.#list(target, signal)).find(isNamed)
  }

  async #refuseUnknown(target: McpTarget, name: string, signal: AbortSignal): Promise<void> {
    this.#lists.expire(target.key)
    const names = (await this.#list(target, signal)).map((tool) => tool.name)
    if (names.includes(name)) return
    const nearest = findNearest(name, names)
    throw new StackError('mcp_tool_not_found', {
      server: target.label,
      tool: name,
      ...(nearest === undefined ? {} : { nearest }),
    })
  }

  #list(target: McpTarget, signal: AbortSignal): Promise<readonly McpTool[]> {
    const listing = this.#lists.get(target.key, () => this.#fetchList(target))
    return unlessAborted(listing, signal, () => toAbandoned(target))
  }

  /** Several callers may wait for the list: it obeys its own clock, not the signal of one of them. */
  async #fetchList(target: McpTarget): Promise<ToolList> {
    const { listTimeoutMs, connectTimeoutMs } = target.timeouts
    const attempt: McpAttempt = { target, doing: 'listing its tools', timeoutMs: listTimeoutMs }
    const deadline = AbortSignal.timeout(listTimeoutMs + connectTimeoutMs)
    try {
      return await this.#retryOnce(target, deadline, ({ connection }) => {
        if (!connection.hasTools) return Promise.resolve({ tools: [], ttlMs: this.#options.policy.listTtlMs, bytes: 0 })
        const signal = AbortSignal.timeout(listTimeoutMs)
        return readToolList({
          server: target.label,
          policy: this.#options.policy,
          log: this.#options.log,
          fetchPage: (cursor) => connection.listPage(cursor, { timeoutMs: listTimeoutMs, signal }),
        })
      })
    } catch (error) {
      throw toMcpError(error, attempt)
    }
  }

  /**
   * Repeats work, once and with a new connection, where the server cannot have seen it: what it was sent on was open before
   * and proves to be gone.
   */
  async #retryOnce<Value>(
    target: McpTarget,
    signal: AbortSignal,
    work: (used: UsedConnection) => Promise<Value>,
  ): Promise<Value> {
    let isWorthIt = false
    const tried = async (used: UsedConnection): Promise<Value> => {
      try {
        return await work(used)
      } catch (error) {
        if (isSessionLost(error) || neverArrived(error)) {
          isWorthIt = used.wasOpen && !signal.aborted
          this.#connections.drop(target, used.connection)
        }
        throw error
      }
    }
    try {
      return await this.#connections.use(target, signal, tried)
    } catch (error) {
      if (!isWorthIt || isStackError(error, 'server_shutting_down')) throw error
      return this.#connections.use(target, signal, work)
    }
  }
}
