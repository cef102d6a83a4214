/** The open connections to MCP servers: one for each server and identity, shared by all calls of that identity. */
import { StackError } from '@llama-stack/api'
import type { Clock } from '@llama-stack/api'
import { CircuitBreaker } from '../reliability/circuit-breaker.ts'
import type { McpConnection, McpConnectionEvents } from './mcp-connection.ts'
import { toMcpError } from './mcp-failure.ts'
import type { McpPolicy } from './mcp-policy.ts'
import type { McpTarget } from './mcp-target.ts'
import { unlessAborted } from './unless-aborted.ts'

export interface McpConnectionsOptions {
  readonly policy: Pick<McpPolicy, 'idleMs' | 'maxConnections' | 'breaker'>
  readonly clock: Clock
  readonly dial: (target: McpTarget, events: McpConnectionEvents) => Promise<McpConnection>
  readonly onToolsChanged: (key: string) => void
  /** Called with each new connection. */
  readonly onOpened: (target: McpTarget, connection: McpConnection) => void
}

interface Entry {
  readonly opening: Promise<McpConnection>
  connection: McpConnection | undefined
  users: number
  lastUsedMs: number
  idle: NodeJS.Timeout | undefined
}

/** A connection for one piece of work. */
export interface UsedConnection {
  readonly connection: McpConnection
  /** It was open before this work came. */
  readonly wasOpen: boolean
}

const MAX_BREAKERS = 1000

export class McpConnections implements AsyncDisposable {
  readonly #options: McpConnectionsOptions
  readonly #entries = new Map<string, Entry>()
  readonly #breakers = new Map<string, CircuitBreaker>()
  #disposed = false

  constructor(options: McpConnectionsOptions) {
    this.#options = options
  }

  /** How many connections are open, or being opened. */
  get size(): number {
    return this.#entries.size
  }

  /** Does a piece of work with the target's connection, which is opened where there is none. */
  async use<Value>(
    target: McpTarget,
    signal: AbortSignal,
    work: (used: UsedConnection) => Promise<Value>,
  ): Promise<Value> {
    const known = this.#entries.get(target.key)
    const entry = known ?? this.#openEntry(target)
    const wasOpen = known?.connection !== undefined
    entry.users += 1
    clearTimeout(entry.idle)
    try {
      const connection = await unlessAborted(entry.opening, signal, () => toAbandoned(target))
      return await work({ connection, wasOpen })
    } finally {
      entry.users -= 1
      entry.lastUsedMs = this.#options.clock.now()
      if (entry.users === 0) this.#awaitIdle(target.key, entry)
    }
  }

  /** Closes a connection that is of no use any more; the next work opens a new one. */
  drop(target: McpTarget, connection: McpConnection): void {
    const entry = this.#entries.get(target.key)
    if (entry?.connection === connection) this.#close(target.key, entry)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    const entries = [...this.#entries.values()]
    this.#entries.clear()
    await Promise.all(
      entries.map(async ({ opening, idle }) => {
        clearTimeout(idle)
        const connection = await opening.catch(() => undefined)
        await connection?.close().catch(() => undefined)
      }),
    )
  }

  #openEntry(target: McpTarget): Entry {
    if (this.#disposed) throw new StackError('server_shutting_down', {})
    this.#makeRoom()
    const { key } = target
    const entry: Entry = {
      opening: this.#dial(target, {
        onClosed: () => this.#forget(key, entry),
        onToolsChanged: () => this.#options.onToolsChanged(key),
      }),
      connection: undefined,
      users: 0,
      lastUsedMs: this.#options.clock.now(),
      idle: undefined,
    }
    this.#entries.set(key, entry)
    entry.opening.then(
      (connection) => {
        entry.connection = connection
        this.#options.onOpened(target, connection)
      },
      () => this.#forget(key, entry),
    )
    return entry
  }

  async #dial(target: McpTarget, events: McpConnectionEvents): Promise<McpConnection> {
    const { clock, dial } = this.#options
    const breaker = this.#breakerOf(target.serverKey)
    const permit = breaker.enter(clock.monotonic())
    if (permit === undefined) {
      const waitMs = Math.ceil(breaker.retryAfterMs(clock.monotonic()))
      const reason = `it could not be reached just now, and is left alone for another ${waitMs} ms`
      throw new StackError('mcp_server_unreachable', { server: target.label, reason })
    }
    try {
      const connection = await dial(target, events)
      breaker.succeed(permit, clock.monotonic())
      return connection
    } catch (error) {
      const { connectTimeoutMs } = target.timeouts
      const failure = toMcpError(error, { target, doing: 'connecting', timeoutMs: connectTimeoutMs })
      if (failure.code === 'mcp_server_unreachable' || failure.code === 'mcp_server_timeout') {
        breaker.fail(permit, clock.monotonic())
      } else breaker.succeed(permit, clock.monotonic())
      throw failure
    }
  }

  #breakerOf(serverKey: string): CircuitBreaker {
    const known = this.#breakers.get(serverKey)
    if (known !== undefined) return known
    if (this.#breakers.size >= MAX_BREAKERS) this.#breakers.clear()
    // Only failures in a row count: there are too few connections for a rate.
    const breaker = new CircuitBreaker({
      ...this.#options.policy.breaker,
      failureRate: 1,
      minCalls: Number.MAX_SAFE_INTEGER,
      windowMs: 30_000,
    })
    this.#breakers.set(serverKey, breaker)
    return breaker
  }

  #awaitIdle(key: string, entry: Entry): void {
    if (this.#entries.get(key) !== entry) return
    entry.idle = setTimeout(() => this.#close(key, entry), this.#options.policy.idleMs)
    entry.idle.unref()
  }

  #makeRoom(): void {
    if (this.#entries.size < this.#options.policy.maxConnections) return
    const idle = [...this.#entries].filter(([, { users }]) => users === 0)
    const oldest = idle.toSorted(([, a], [, b]) => a.lastUsedMs - b.lastUsedMs)[0]
    if (oldest !== undefined) this.#close(...oldest)
  }

  #close(key: string, entry: Entry): void {
    this.#forget(key, entry)
    entry.connection?.close().catch(() => undefined)
  }

  #forget(key: string, entry: Entry): void {
    clearTimeout(entry.idle)
    if (this.#entries.get(key) === entry) this.#entries.delete(key)
  }
}

/** The error for work whose caller does not wait for it any more. */
export function toAbandoned({ label }: Pick<McpTarget, 'label'>): StackError {
  return new StackError('provider_stream_broken', { provider: `MCP server '${label}'`, reason: 'the caller left' })
}
