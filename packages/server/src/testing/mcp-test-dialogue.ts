/** One MCP server of a test, as an instance of either SDK: the same tools behind both. */
import { ProtocolError, Server as NewServer } from '@modelcontextprotocol/server'
import { Server as OldServer } from '@modelcontextprotocol/sdk/server/index.js'
import { CallToolRequestSchema, ElicitResultSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import type { McpTestTool, McpToolReply, McpToolRun } from './mcp-test-tools.ts'

/** One call as a tool received it. */
export interface McpTestCall {
  readonly name: string
  readonly arguments: Readonly<Record<string, unknown>>
  /** `io.llamastack/call_id` of its `_meta`. */
  readonly callId: string | undefined
  /** Of the HTTP request; empty for a child process. */
  readonly headers: Readonly<Record<string, string>>
  readonly sessionId: string | undefined
  /** Whether the client cancelled it. */
  cancelled: boolean
}

/** What the instances of one test server share. */
export interface McpTestState {
  tools: readonly McpTestTool[]
  /** How many tools a page of the list has. */
  readonly pageSize: number
  /** Told to clients of 2026 as the life of a list. */
  readonly listTtlMs: number
  readonly calls: McpTestCall[]
  lists: number
}

/** Where an instance is reached, as far as its tools may know. */
export interface McpTestPlace {
  readonly headers: Readonly<Record<string, string>>
  readonly cut: () => void
}

const INFO = Object.freeze({ name: 'llama-stack-test-server', version: '1.2.3', description: 'A server for tests.' })
const CALL_ID = 'io.llamastack/call_id'

/** An instance of the second SDK. */
export function toNewServer(state: McpTestState, place: () => McpTestPlace): NewServer {
  const server = new NewServer(INFO, {
    capabilities: { tools: { listChanged: true } },
    instructions: 'Test only.',
    cacheHints: { 'tools/list': { ttlMs: state.listTtlMs, cacheScope: 'private' } },
  })
  // The tools of a test may break MCP's rules, which the types of the SDK do not allow.
  server.setRequestHandler('tools/list', ({ params }) => listPage(state, params?.cursor) as never)
  server.setRequestHandler('tools/call', async ({ params }, context) => {
    const { signal, _meta: meta, notify, send } = context.mcpReq
    const token = meta?.progressToken
    const reply = await runTool(state, {
      name: params.name,
      args: params.arguments ?? {},
      callId: meta?.[CALL_ID],
      sessionId: context.sessionId,
      place: place(),
      signal,
      async progress(progress, message) {
        if (token === undefined) return
        await notify({ method: 'notifications/progress', params: { progressToken: token, progress, message } })
      },
      elicit: () => send({ method: 'elicitation/create', params: elicitation }),
    })
    if (reply === undefined) throw new ProtocolError(-32_602, `Tool ${params.name} not found`)
    return reply as never
  })
  return server
}

/** An instance of the first SDK: protocol 2025-11-25 and before. */
export function toOldServer(state: McpTestState, place: () => McpTestPlace): OldServer {
  const server = new OldServer(INFO, { capabilities: { tools: { listChanged: true } }, instructions: 'Test only.' })
  server.setRequestHandler(ListToolsRequestSchema, ({ params }) => listPage(state, params?.cursor) as never)
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra) => {
    const token = extra._meta?.progressToken
    const reply = await runTool(state, {
      name: params.name,
      args: params.arguments ?? {},
      callId: extra._meta?.[CALL_ID],
      sessionId: extra.sessionId,
      place: place(),
      signal: extra.signal,
      async progress(progress, message) {
        if (token === undefined) return
        await extra.sendNotification({
          method: 'notifications/progress',
          params: { progressToken: token, progress, message },
        })
      },
      elicit: () => extra.sendRequest({ method: 'elicitation/create', params: elicitation }, ElicitResultSchema),
    })
    if (reply === undefined) throw new ProtocolError(-32_602, `Tool ${params.name} not found`)
    return reply as never
  })
  return server
}

const elicitation = {
  mode: 'form' as const,
  message: 'How old are you?',
  requestedSchema: { type: 'object' as const, properties: { age: { type: 'number' as const } } },
}

function listPage(state: McpTestState, cursor: string | undefined): object {
  state.lists += 1
  const start = Number(cursor ?? 0)
  const end = start + state.pageSize
  const tools = state.tools.slice(start, end).map(toListed)
  return end < state.tools.length ? { tools, nextCursor: String(end) } : { tools }
}

function toListed({ name, description, inputSchema, outputSchema, annotations }: McpTestTool): object {
  return { name, description, inputSchema, outputSchema, annotations }
}

interface Run extends Omit<McpToolRun, 'cut'> {
  readonly name: string
  readonly args: Readonly<Record<string, unknown>>
  readonly callId: unknown
  readonly sessionId: string | undefined
  readonly place: McpTestPlace
}

async function runTool(state: McpTestState, run: Run): Promise<McpToolReply | undefined> {
  const { name, args, callId, sessionId, place, signal } = run
  const call: McpTestCall = {
    name,
    arguments: args,
    callId: typeof callId === 'string' ? callId : undefined,
    headers: place.headers,
    sessionId,
    cancelled: false,
  }
  state.calls.push(call)
  const cancel = (): void => {
    call.cancelled = true
  }
  signal.addEventListener('abort', cancel)
  try {
    const tool = state.tools.find((known) => known.name === name)
    return await tool?.run(args, { ...run, cut: place.cut })
  } finally {
    // The connection of a call that is over may close as well.
    if (!call.cancelled) signal.removeEventListener('abort', cancel)
  }
}
