/**
 * Entry of the raw-socket proxy: `node bare-net-server.ts <port> <upstream port>`.
 *
 * The least that a Node proxy can do: the body is parsed once, the reply's bytes are forwarded as they are, framing
 * included. It trusts its clients and is a measure, not a server.
 */
import { connect, createServer, type Socket } from 'node:net'
import { createResponseFraming, type ResponseFraming } from '../load/response-framing.ts'
import { createRequestReader } from '../mock/request-reader.ts'

type Upstream = { readonly socket: Socket; readonly framing: ResponseFraming; client: Socket | undefined }

function openUpstream(port: number, idle: Upstream[]): Upstream {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const upstream: Upstream = { socket, framing: createResponseFraming(), client: undefined }
  socket.on('data', (bytes) => {
    const { client } = upstream
    if (client === undefined) return
    const full = !client.write(bytes)
    if (upstream.framing.push(bytes)) {
      upstream.framing.reset()
      upstream.client = undefined
      idle.push(upstream)
    } else if (full && !client.destroyed) {
      // A client that has gone never drains; its close ends this connection.
      socket.pause()
      client.once('drain', () => socket.resume())
    }
  })
  socket.on('close', () => {
    upstream.client?.destroy()
    const place = idle.indexOf(upstream)
    if (place >= 0) idle.splice(place, 1)
  })
  socket.on('error', () => {})
  return upstream
}

function main(port: number, upstreamPort: number): void {
  const idle: Upstream[] = []
  const server = createServer({ noDelay: true }, (client) => {
    let current: Upstream | undefined
    const reader = createRequestReader(({ method, body, bytes }) => {
      if (method === 'POST') JSON.parse(body)
      current = idle.pop() ?? openUpstream(upstreamPort, idle)
      current.client = client
      current.socket.write(bytes)
    })
    client.on('data', (bytes) => reader.push(bytes))
    client.on('close', () => {
      if (current?.client === client) current.socket.destroy()
    })
    client.on('error', () => {})
  })
  server.listen({ port, host: '127.0.0.1', backlog: 4096 })
}

main(Number(process.argv[2]), Number(process.argv[3]))
