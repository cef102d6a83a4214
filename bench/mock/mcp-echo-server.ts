/**
 * Entry of the MCP server: `node mcp-echo-server.ts <port>`.
 *
 * One tool that says what it was told, over streamable HTTP without sessions, on raw sockets: what is measured is the client.
 */
import { createServer, type Socket } from 'node:net'
import { mcpEchoTool } from './mcp-echo-tool.ts'
import { createRequestReader, type PlainRequest } from './request-reader.ts'

type RpcRequest = {
  readonly id?: number | string
  readonly method?: string
  readonly params?: { readonly protocolVersion?: string; readonly arguments?: unknown }
}

const results: Readonly<Record<string, (params: RpcRequest['params']) => object>> = {
  initialize: (params) => ({
    protocolVersion: params?.protocolVersion ?? '2025-06-18',
    capabilities: { tools: {} },
    serverInfo: { name: 'bench-echo', version: '1' },
  }),
  ping: () => ({}),
  'tools/list': () => ({ tools: [mcpEchoTool] }),
  'tools/call': (params) => ({ content: [{ type: 'text', text: JSON.stringify(params?.arguments) }] }),
}

function send(socket: Socket, status: string, body = ''): void {
  const head = `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`
  socket.write(head + body)
}

function answer(socket: Socket, { method, body }: PlainRequest): void {
  // No stream of notifications to open and no session to end.
  if (method !== 'POST') return send(socket, '405 Method Not Allowed')
  // Only our own server calls, with one message of JSON-RPC.
  const { id, method: name = '', params } = JSON.parse(body) as RpcRequest
  if (id === undefined) return send(socket, '202 Accepted')
  const result = results[name]?.(params)
  const reply = result === undefined ? { error: { code: -32_601, message: 'Method not found' } } : { result }
  send(socket, '200 OK', JSON.stringify({ jsonrpc: '2.0', id, ...reply }))
}

const server = createServer({ noDelay: true }, (socket) => {
  const reader = createRequestReader((request) => answer(socket, request))
  socket.on('data', (bytes) => reader.push(bytes))
  socket.on('error', () => {})
})
server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 })
