/** Opens connections to MCP servers: finds out which transport and which era of the protocol each one speaks. */
import type { Client, AuthProvider, Transport } from '@modelcontextprotocol/client'
import { StackError } from '@llama-stack/api'
import type { Clock, Log, ProviderEnvironment, Upstream, UpstreamRequest } from '@llama-stack/api'
import { VERSION } from '../../kernel/version.ts'
import { McpConnection, tellEndedStreams } from './mcp-connection.ts'
import type { McpConnectionEvents } from './mcp-connection.ts'
import { findHttpStatus, isOffended, isStumble } from './mcp-failure.ts'
import type { McpSdk } from './mcp-sdk.ts'
import type { McpTarget } from './mcp-target.ts'
import { unlessAborted } from './unless-aborted.ts'
import { toUpstreamFetch } from './upstream-fetch.ts'
import type { UpstreamFetch } from './upstream-fetch.ts'

export interface McpDialerOptions {
  readonly loadSdk: () => Promise<McpSdk>
  readonly upstream: Upstream
  readonly clock: Clock
  readonly log: Log
  /** Child processes see its PATH and HOME. */
  readonly env: ProviderEnvironment
  readonly maxMessageBytes: number
  /** Tokens for the targets whose connectors use OAuth. */
  readonly toAuthProvider: (target: McpTarget) => Promise<AuthProvider>
}

/** What is known of how a server speaks. */
interface Dialect {
  readonly transport: 'streamable' | 'events' | 'stdio'
  /** Without it the server is asked; most servers do not know that question yet. */
  readonly isLegacy: boolean
  readonly untilMs: number
}

const DIALECT_TTL_MS = 3_600_000
const MAX_DIALECTS = 1000

/** What a server of the transport of 2024 answers to a POST at its address (MCP 2025-03-26, backwards compatibility). */
const NO_STREAMABLE_HTTP = new Set([400, 404, 405])

/** Of the protocol: the method does not exist. */
const METHOD_NOT_FOUND = -32_601

export class McpDialer {
  readonly #options: McpDialerOptions
  readonly #dialects = new Map<string, Dialect>()

  constructor(options: McpDialerOptions) {
    this.#options = options
  }

  /** Opens a connection. Rejects with whatever the SDK or the transport says. */
  async dial(target: McpTarget, events: McpConnectionEvents): Promise<McpConnection> {
    const sdk = await this.#options.loadSdk()
    const known = this.#findDialect(target.serverKey)
    const parts = { sdk, target, events, isLegacy: known?.isLegacy ?? false }
    // What was known may have changed: the next one who comes finds out anew.
    this.#dialects.delete(target.serverKey)
    const { endpoint } = target
    if (endpoint.transport === 'stdio') return this.#openStdio(parts, endpoint)
    if (known?.transport === 'events') return this.#openEvents(parts)
    try {
      return await this.#openStreamable(parts)
    } catch (error) {
      if (known !== undefined) throw error
      return await this.#openOtherwise(parts, error)
    }
  }

  /** One process answers the question and does the work; one that ends at the question is started again, and not asked. */
  async #openStdio(parts: Omit<Opening, 'transport'>, endpoint: StdioEndpoint): Promise<McpConnection> {
    const { target, isLegacy } = parts
    const open = async (how: Omit<Opening, 'transport'>): Promise<McpConnection> =>
      this.#open({ ...how, transport: await this.#toStdio(target, endpoint) })
    const connection = await open(parts).catch((error: unknown) =>
      isLegacy || !isOffended(error) ? Promise.reject(error as Error) : open({ ...parts, isLegacy: true }),
    )
    this.#keepDialect(target.serverKey, { transport: 'stdio', isLegacy: !connection.needsDefinitions })
    return connection
  }

  /** For servers that streamable HTTP, or the question for their version, means nothing to. */
  async #openOtherwise(parts: Omit<Opening, 'transport'>, error: unknown): Promise<McpConnection> {
    const status = findHttpStatus(error)
    const asFirst = (): Promise<never> => Promise.reject(error as Error)
    // Where another way leads nowhere either, what the address said first says more.
    if (isStumble(error)) return this.#openStreamable({ ...parts, isLegacy: true }).catch(asFirst)
    if (status === undefined || !NO_STREAMABLE_HTTP.has(status)) throw error
    return this.#openEvents(parts).catch(asFirst)
  }

  async #openStreamable(parts: Omit<Opening, 'transport'>): Promise<McpConnection> {
    const { sdk, target } = parts
    const { url, ...options } = await this.#toHttp(target)
    const transport = new sdk.StreamableHTTPClientTransport(url, options)
    tellEndedStreams(transport)
    const connection = await this.#open({ ...parts, transport })
    this.#keepDialect(target.serverKey, { transport: 'streamable', isLegacy: !connection.needsDefinitions })
    return connection
  }

  async #openEvents(parts: Omit<Opening, 'transport'>): Promise<McpConnection> {
    const { sdk, target } = parts
    const { url, fetch, ...options } = await this.#toHttp(target)
    // The library that reads the events keeps only the words of what failed.
    let failure: unknown
    const noted: UpstreamFetch = (at, init) =>
      fetch(at, init).catch((error: unknown) => {
        failure = error
        throw error
      })
    const transport = new sdk.SSEClientTransport(url, { ...options, fetch: noted })
    const connection = await this.#open({ ...parts, transport, isLegacy: true }).catch((error: unknown) =>
      Promise.reject((failure ?? error) as Error),
    )
    this.#keepDialect(target.serverKey, { transport: 'events', isLegacy: true })
    return connection
  }

  async #open({ sdk, target, transport, events, isLegacy }: Opening): Promise<McpConnection> {
    const { connectTimeoutMs } = target.timeouts
    const client = toClient(sdk, target, { isLegacy, onToolsChanged: () => events.onToolsChanged() })
    client.onerror = (error) => {
      this.#options.log.debug('an MCP connection reports an error', { server: target.label, error: error.name })
      // Its library would connect again, to a new session that nobody has greeted.
      if (error instanceof sdk.SseError) client.close().catch(() => undefined)
    }
    const deadline = AbortSignal.timeout(connectTimeoutMs)
    const toError = (): StackError =>
      new StackError('mcp_server_timeout', { server: target.label, doing: 'connecting', timeoutMs: connectTimeoutMs })
    try {
      await unlessAborted(client.connect(transport, { timeout: connectTimeoutMs, signal: deadline }), deadline, toError)
    } catch (error) {
      await transport.close().catch(() => undefined)
      throw error
    }
    return new McpConnection(client, events, async () => {
      if (transport instanceof sdk.StreamableHTTPClientTransport) await transport.terminateSession()
    })
  }

  async #toHttp(target: McpTarget): Promise<HttpOptions> {
    const { endpoint, credentials, chosenBy, label } = target
    if (endpoint.transport !== 'http') throw new StackError('internal_error', {})
    const { upstream, maxMessageBytes } = this.#options
    const url = new URL(endpoint.url)
    return {
      url,
      fetch: toUpstreamFetch({
        upstream,
        server: label,
        chosenBy: (to) => (to.origin === url.origin ? chosenBy : GUARDED),
        maxMessageBytes,
        silenceMs: target.timeouts.maxCallMs,
      }),
      requestInit: { headers: credentials.headers },
      ...(credentials.oauth === undefined ? {} : { authProvider: await this.#options.toAuthProvider(target) }),
    }
  }

  async #toStdio(target: McpTarget, endpoint: StdioEndpoint): Promise<Transport> {
    const { DEFAULT_INHERITED_ENV_VARS, StdioClientTransport } = await import('@modelcontextprotocol/client/stdio')
    const { env, log } = this.#options
    const { command, args, cwd } = endpoint
    // The SDK adds a few variables of its own choice; an undefined one is not handed on.
    const nothing = process.platform === 'win32' ? [] : DEFAULT_INHERITED_ENV_VARS.map((name) => [name, undefined])
    const variables = { ...Object.fromEntries(nothing), PATH: env['PATH'], HOME: env['HOME'], ...endpoint.env }
    // Of its own class the SDK starts a second process, for the question which version it speaks, and ends it.
    const OneProcessTransport = class extends StdioClientTransport {}
    const transport = new OneProcessTransport({
      command,
      args: [...args],
      // Its type does not know that undefined takes a variable away.
      env: variables as Record<string, string>,
      stderr: 'pipe',
      maxBufferSize: this.#options.maxMessageBytes,
      ...(cwd === undefined ? {} : { cwd }),
    })
    transport.stderr?.on('data', (bytes: unknown) => {
      log.debug('an MCP server writes to its error stream', {
        server: target.label,
        text: String(bytes).slice(0, 1000),
      })
    })
    return transport
  }

  #findDialect(serverKey: string): Dialect | undefined {
    const known = this.#dialects.get(serverKey)
    return known !== undefined && known.untilMs > this.#options.clock.now() ? known : undefined
  }

  #keepDialect(serverKey: string, dialect: Omit<Dialect, 'untilMs'>): void {
    if (this.#dialects.size >= MAX_DIALECTS) this.#dialects.clear()
    this.#dialects.set(serverKey, { ...dialect, untilMs: this.#options.clock.now() + DIALECT_TTL_MS })
  }
}

/** For addresses that a server names, such as that of a login server: they must not lead into the operator's network. */
const GUARDED: UpstreamRequest['chosenBy'] = 'caller'

type StdioEndpoint = Extract<McpTarget['endpoint'], { transport: 'stdio' }>

interface Opening {
  readonly sdk: McpSdk
  readonly target: McpTarget
  readonly transport: Transport
  readonly events: McpConnectionEvents
  /** The server is known to speak 2025-11-25 or before. */
  readonly isLegacy: boolean
}

interface HttpOptions {
  readonly url: URL
  readonly fetch: UpstreamFetch
  readonly requestInit: { readonly headers: Record<string, string> }
  readonly authProvider?: AuthProvider
}

function toClient(
  sdk: McpSdk,
  { endpoint, timeouts }: McpTarget,
  how: { readonly isLegacy: boolean; readonly onToolsChanged: () => void },
): Client {
  // A silent child process is one that does not know the question; there has to be time left for the greeting.
  const probeMs = endpoint.transport === 'stdio' ? timeouts.connectTimeoutMs / 3 : timeouts.connectTimeoutMs
  const client = new sdk.Client(
    { name: 'llama-stack', version: VERSION },
    {
      capabilities: {},
      versionNegotiation: how.isLegacy ? { mode: 'legacy' } : { mode: 'auto', probe: { timeoutMs: probeMs } },
      inputRequired: { autoFulfill: false },
      listChanged: { tools: { autoRefresh: false, debounceMs: 0, onChanged: how.onToolsChanged } },
    },
  )
  client.fallbackRequestHandler = ({ method }) =>
    Promise.reject(
      new sdk.ProtocolError(
        METHOD_NOT_FOUND,
        `This client runs tools without a person at hand and lends no model: it does not answer '${method}'.`,
      ),
    )
  return client
}
