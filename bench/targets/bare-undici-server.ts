/**
 * Entry of the `http` + `undici` proxy: `node bare-undici-server.ts <port> <upstream port> <connections>`.
 *
 * What a Node server costs that uses the standard HTTP server and undici's dispatcher and does nothing else.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Pool, type Dispatcher } from 'undici'

/** Forwards one reply; the upstream request is aborted when the client leaves. */
class Relay implements Dispatcher.DispatchHandler {
  readonly #reply: ServerResponse
  #controller: Dispatcher.DispatchController | undefined

  constructor(reply: ServerResponse) {
    this.#reply = reply
    reply.on('drain', () => this.#controller?.resume())
    reply.on('close', () => {
      if (!reply.writableFinished) this.#controller?.abort(new DOMException('The client has left', 'AbortError'))
    })
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingMessage['headers'],
  ): void {
    const kept = Object.entries(headers).filter(([name]) => name === 'content-type' || name === 'content-length')
    this.#reply.writeHead(status, Object.fromEntries(kept))
    // A reply with a length follows in the same read; its head then travels with it.
    if (headers['content-length'] === undefined) this.#reply.flushHeaders()
  }

  onResponseData(controller: Dispatcher.DispatchController, bytes: Buffer): void {
    if (!this.#reply.write(bytes)) controller.pause()
  }

  onResponseEnd(): void {
    this.#reply.end()
  }

  onResponseError(): void {
    this.#reply.destroy()
  }
}

function main(port: number, upstreamPort: number, connections: number): void {
  const pool = new Pool(`http://127.0.0.1:${upstreamPort}`, { connections, bodyTimeout: 0 })
  const server = createServer({ noDelay: true }, (request, reply) => {
    const pieces: Buffer[] = []
    request.on('data', (bytes: Buffer) => pieces.push(bytes))
    request.on('end', () => {
      const body = Buffer.concat(pieces)
      if (body.length > 0) JSON.parse(body.toString())
      const headers = { 'content-type': 'application/json' }
      const method = body.length > 0 ? 'POST' : 'GET'
      pool.dispatch(
        { path: request.url ?? '/', method, headers, body: body.length > 0 ? body : null },
        new Relay(reply),
      )
    })
  })
  server.listen({ port, host: '127.0.0.1', backlog: 4096 })
}

main(Number(process.argv[2]), Number(process.argv[3]), Number(process.argv[4]))
