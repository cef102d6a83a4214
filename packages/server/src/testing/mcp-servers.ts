/** Real MCP servers on the loopback interface, made with the SDKs: one per transport and protocol era. */
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler } from '@modelcontextprotocol/server'
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { toNewServer, toOldServer } from './mcp-test-dialogue.ts'
import type { McpTestCall, McpTestPlace, McpTestState } from './mcp-test-dialogue.ts'
import { standardMcpTools } from './mcp-test-tools.ts'
import type { McpTestTool } from './mcp-test-tools.ts'

export type { McpTestCall } from './mcp-test-dialogue.ts'
export { HUGE_LENGTH, standardMcpTools, textReply, TINY_PNG } from './mcp-test-tools.ts'
export type { McpTestTool, McpToolReply, McpToolRun } from './mcp-test-tools.ts'

export interface McpTestServerOptions {
  /** `sse`: the transport of 2024, which only the first SDK has. Default: streamable-http. */
  readonly transport?: 'streamable-http' | 'sse'
  /**
   * `2026`: protocol 2026-07-28 and nothing before it. `2025`: the handshake of 2025-11-25, by the second SDK.
   * `2024`: the same by the first SDK, as most servers of the field are. `both`: what speaks 2026 and answers older
   * clients without sessions. Default: 2026.
   */
  readonly era?: '2026' | 'both' | '2025' | '2024'
  /** Whether the eras 2025 and 2024 keep no sessions. Default: false. */
  readonly stateless?: boolean
  /** Default: {@link standardMcpTools}. */
  readonly tools?: readonly McpTestTool[]
  /** Requests without this bearer token, or one of which this function says no, are answered with 401. */
  readonly token?: string | ((bearer: string) => boolean)
  /** Where a client that meets 401 is told to look for the way to a token (RFC 9728). */
  readonly resourceMetadataUrl?: string
  /** Answers before MCP does, where it says true: metadata of OAuth and the like. */
  readonly intercept?: (request: IncomingMessage, response: ServerResponse) => boolean
  /** Whether it answers the question for its version with 500, as nobody should. */
  readonly stumbles?: boolean
  /** How long each HTTP reply is held back. Default: 0. */
  readonly delayMs?: number
  /** How many tools a page of the list has. Default: all. */
  readonly pageSize?: number
  /** Default: 0, a list is not to be kept. Only the era 2026 tells it. */
  readonly listTtlMs?: number
}

/** One HTTP request as a server received it. */
export interface McpTestRequest {
  /** Of HTTP. */
  readonly method: string
  /** Of JSON-RPC; empty where there is no such message. */
  readonly rpc: string
  readonly headers: Readonly<Record<string, string>>
}

export interface McpTestServer extends AsyncDisposable {
  /** `http://127.0.0.1:<port>/mcp`. */
  readonly url: string
  readonly calls: readonly McpTestCall[]
  readonly requests: readonly McpTestRequest[]
  /** How often the tools were listed, page by page. */
  readonly lists: number
  /** The sessions that are open now, of the eras that have them. */
  readonly sessions: number
  /** Replaces the tools and tells the clients that hear of it. */
  setTools(tools: readonly McpTestTool[]): Promise<void>
  /** Forgets all sessions, as a restart does: their next request is answered with 404. */
  dropSessions(): void
  close(): Promise<void>
}

/** Answers one HTTP request; `body` is its parsed JSON. */
type Answer = (request: IncomingMessage, response: ServerResponse, body: unknown) => Promise<void>

/** One way of serving, behind the HTTP server. */
interface Front {
  readonly answer: Answer
  readonly notify: () => Promise<void>
  readonly drop: () => void
  readonly sessions: () => number
}

/** Starts an MCP server on a free port. */
export async function startMcpServer(options: McpTestServerOptions = {}): Promise<McpTestServer> {
  const state: McpTestState = {
    tools: options.tools ?? standardMcpTools,
    pageSize: options.pageSize ?? Number.MAX_SAFE_INTEGER,
    listTtlMs: options.listTtlMs ?? 0,
    calls: [],
    lists: 0,
  }
  const requests: McpTestRequest[] = []
  const front = toFront(state, options)
  const http = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined))
  })

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (options.intercept?.(request, response) === true) return
    const body = await readJson(request)
    requests.push({ method: request.method ?? '', rpc: rpcMethod(body), headers: flatHeaders(request) })
    if (options.delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, options.delayMs))
    if (!isAccepted(options.token, request.headers.authorization ?? '')) {
      refuse(response, options.resourceMetadataUrl)
      return
    }
    if (options.stumbles === true && rpcMethod(body) === 'server/discover') return reply(response, 500, {})
    await front.answer(request, response, body)
  }

  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  // A server that listens on a port has an address with one.
  const { port } = http.address() as AddressInfo
  const close = async (): Promise<void> => {
    front.drop()
    const closed = new Promise<void>((resolve) => http.close(() => resolve()))
    http.closeAllConnections()
    await closed
  }
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    calls: state.calls,
    requests,
    get lists() {
      return state.lists
    },
    get sessions() {
      return front.sessions()
    },
    async setTools(tools) {
      state.tools = tools
      await front.notify()
    },
    dropSessions: () => front.drop(),
    close,
    [Symbol.asyncDispose]: close,
  }
}

function toFront(state: McpTestState, { transport, era = '2026', stateless = false }: McpTestServerOptions): Front {
  if (transport === 'sse') return toSseFront(state)
  if (era === '2026' || era === 'both') return toModernFront(state, era)
  return toSessionFront(state, { era, stateless })
}

/** Requests that stand for themselves: the second SDK's handler. */
function toModernFront(state: McpTestState, era: '2026' | 'both'): Front {
  const places: { current: McpTestPlace } = { current: nowhere }
  const handler = createMcpHandler(() => toNewServer(state, always(places.current)), {
    legacy: era === '2026' ? 'reject' : 'stateless',
  })
  const answer = toNodeHandler(handler)
  return {
    async answer(request, response, body) {
      // The handler makes its server before it waits for anything else that belongs to another request.
      places.current = toPlace(request)
      // Node's types allow undefined where the SDK's do not.
      await answer(request as never, response as never, body)
    },
    notify: () => {
      handler.notify.toolsChanged()
      return Promise.resolve()
    },
    drop: () => undefined,
    sessions: () => 0,
  }
}

interface Session {
  readonly transport: NodeStreamableHTTPServerTransport | StreamableHTTPServerTransport
  readonly server: ReturnType<typeof toNewServer | typeof toOldServer>
  place: McpTestPlace
}

/** Streamable HTTP with the handshake, with sessions or without. */
function toSessionFront(state: McpTestState, how: { era: '2025' | '2024'; stateless: boolean }): Front {
  const sessions = new Map<string, Session>()
  let serial = 0
  const open = async (): Promise<Session> => {
    serial += 1
    const id = `session-${serial}-${Math.random().toString(36).slice(2)}`
    const generator = how.stateless ? {} : { sessionIdGenerator: () => id }
    const session: Session =
      how.era === '2025'
        ? {
            transport: new NodeStreamableHTTPServerTransport(generator),
            server: toNewServer(state, () => session.place),
            place: nowhere,
          }
        : {
            transport: new StreamableHTTPServerTransport(generator),
            server: toOldServer(state, () => session.place),
            place: nowhere,
          }
    // Each SDK's server goes with its own transport, which the union of both cannot say.
    await session.server.connect(session.transport as never)
    if (!how.stateless) sessions.set(id, session)
    return session
  }
  return {
    async answer(request, response, body) {
      const id = request.headers['mcp-session-id']
      const known = typeof id === 'string' ? sessions.get(id) : undefined
      if (known === undefined && id !== undefined) {
        reply(response, 404, { jsonrpc: '2.0', error: { code: -32_001, message: 'Session not found' }, id: null })
        return
      }
      if (known === undefined && how.stateless && request.method !== 'POST') {
        reply(response, 405, { jsonrpc: '2.0', error: { code: -32_000, message: 'Method not allowed.' }, id: null })
        return
      }
      // What comes without a session and is no handshake is refused by the transport of a session that nobody keeps.
      const session = known ?? (await open())
      session.place = toPlace(request)
      await session.transport.handleRequest(request, response, body)
      if (request.method === 'DELETE' && typeof id === 'string') sessions.delete(id)
    },
    notify: async () => {
      await Promise.all([...sessions.values()].map(({ server }) => server.sendToolListChanged()))
    },
    drop: () => {
      for (const { transport } of sessions.values()) transport.close().catch(() => undefined)
      sessions.clear()
    },
    sessions: () => sessions.size,
  }
}

interface SseSession {
  readonly transport: SSEServerTransport
  readonly server: ReturnType<typeof toOldServer>
  readonly socket: Socket
  place: McpTestPlace
}

/** The transport of 2024: a stream of events, and posts beside it. */
function toSseFront(state: McpTestState): Front {
  const sessions = new Map<string, SseSession>()
  const drop = (): void => {
    for (const { socket } of sessions.values()) socket.destroy()
    sessions.clear()
  }
  return {
    async answer(request, response, body) {
      if (request.method === 'GET') {
        const transport = new SSEServerTransport('/mcp', response)
        const session: SseSession = {
          transport,
          server: toOldServer(state, () => session.place),
          socket: request.socket,
          place: toPlace(request),
        }
        sessions.set(transport.sessionId, session)
        response.on('close', () => sessions.delete(transport.sessionId))
        await session.server.connect(transport)
        return
      }
      const id = new URL(request.url ?? '', 'http://localhost').searchParams.get('sessionId')
      const session = id === null ? undefined : sessions.get(id)
      if (session === undefined) {
        // As the servers of that time answer a POST to the address of their stream.
        reply(response, id === null ? 405 : 404, { error: 'no such session' })
        return
      }
      session.place = { headers: flatHeaders(request), cut: () => session.socket.destroy() }
      await session.transport.handlePostMessage(request, response, body)
    },
    notify: async () => {
      await Promise.all([...sessions.values()].map(({ server }) => server.sendToolListChanged()))
    },
    drop,
    sessions: () => sessions.size,
  }
}

/** How to start the stdio server of tests: the command and arguments of a connector. */
export function stdioMcpServer(): { command: string; args: string[] } {
  return { command: process.execPath, args: [fileURLToPath(new URL('./mcp-stdio-child.ts', import.meta.url))] }
}

/** An address on which nothing listens. */
export async function deadMcpUrl(): Promise<string> {
  const server = await startMcpServer()
  await server.close()
  return server.url
}

export interface ScriptedMcpServer extends AsyncDisposable {
  readonly url: string
  /** The methods that were asked for, oldest first. */
  readonly methods: readonly string[]
}

/**
 * Starts a server that speaks as it is told, truly or not: `answers` are the results by method, as they are. It greets as
 * servers of 2025 do, without sessions.
 */
export async function startScriptedMcpServer(
  answers: Readonly<Record<string, (params: Readonly<Record<string, unknown>>) => unknown>>,
): Promise<ScriptedMcpServer> {
  const methods: string[] = []
  const initialize = (): unknown => ({
    protocolVersion: '2025-06-18',
    capabilities: { tools: { listChanged: true } },
    serverInfo: { name: 'scripted', version: '0' },
  })
  const http = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy())
  })
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    // Whoever posts to this server is the client under test: it sends JSON-RPC.
    const body = (await readJson(request)) as { id?: number; method?: string; params?: Record<string, unknown> }
    const { id, method = '', params = {} } = body ?? {}
    methods.push(method)
    if (request.method !== 'POST') return reply(response, 405, {})
    if (id === undefined) return reply(response, 202, {})
    const answer = answers[method] ?? (method === 'initialize' ? initialize : undefined)
    if (answer === undefined) {
      return reply(response, 200, { jsonrpc: '2.0', id, error: { code: -32_601, message: 'Method not found' } })
    }
    return reply(response, 200, { jsonrpc: '2.0', id, result: answer(params) })
  }
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  // A server that listens on a port has an address with one.
  const { port } = http.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    methods,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => http.close(() => resolve()))
      http.closeAllConnections()
      await closed
    },
  }
}

const nowhere: McpTestPlace = Object.freeze({ headers: {}, cut: () => undefined })

function always<Value>(value: Value): () => Value {
  return () => value
}

function toPlace(request: IncomingMessage): McpTestPlace {
  return { headers: flatHeaders(request), cut: () => request.socket.destroy() }
}

function flatHeaders(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]))
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Uint8Array[] = []
  for await (const chunk of request) chunks.push(chunk as Uint8Array)
  const text = Buffer.concat(chunks).toString()
  return text === '' ? undefined : (JSON.parse(text) as unknown)
}

function rpcMethod(body: unknown): string {
  return typeof body === 'object' && body !== null && 'method' in body ? String(body.method) : ''
}

function isAccepted(token: McpTestServerOptions['token'], authorization: string): boolean {
  if (token === undefined) return true
  const bearer = authorization.replace(/^Bearer /, '')
  return typeof token === 'string' ? bearer === token : token(bearer)
}

function refuse(response: ServerResponse, metadata: string | undefined): void {
  const where = metadata === undefined ? '' : `, resource_metadata="${metadata}"`
  response.setHeader('www-authenticate', `Bearer error="invalid_token"${where}`)
  reply(response, 401, { error: 'invalid_token' })
}

function reply(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
