import { Agent, request, type ClientRequest, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** A request. A body that is not text is sent as JSON. */
export type HttpCall = {
  readonly path: string
  readonly method?: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** A whole reply. */
export type HttpReply = {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

/** Speaks to the server as clients of all kinds do. */
export type HttpCaller = {
  /** Reads the whole reply. */
  ask(call: HttpCall): Promise<HttpReply>
  /** Leaves after so long, whatever has come by then. */
  leave(call: HttpCall, afterMs: number): Promise<void>
  /** Reads a first piece, pauses, reads for a moment more, and leaves. */
  dawdle(call: HttpCall, pauseMs: number): Promise<void>
  /** Sends half a request, waits, and breaks the connection off. */
  breakOff(waitMs: number): Promise<void>
  close(): void
}

/** Longer than the server's deadline for a request: a reply that takes this long is none. */
const timeoutMs = 30_000

/** Creates a caller that keeps its connections, as SDKs do. */
export function createHttpCaller(port: number): HttpCaller {
  const agent = new Agent({ keepAlive: true, maxSockets: 256, timeout: 2_000 })

  const send = (call: HttpCall): ClientRequest => {
    const { path, body, headers } = call
    const method = call.method ?? (body === undefined ? 'GET' : 'POST')
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
    const length =
      text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
    return request({ host: '127.0.0.1', port, path, method, agent, headers: { ...length, ...headers } }).end(text)
  }

  return {
    ask: (call) =>
      new Promise((resolve, reject) => {
        const outgoing = send(call)
        const timer = setTimeout(() => outgoing.destroy(new Error(`no whole reply in ${timeoutMs} ms`)), timeoutMs)
        const fail = (error: Error): void => {
          clearTimeout(timer)
          reject(error)
        }
        outgoing.on('error', fail)
        outgoing.on('response', (reply) => {
          const pieces: Buffer[] = []
          reply.on('data', (bytes: Buffer) => pieces.push(bytes))
          reply.on('error', fail)
          reply.on('end', () => {
            clearTimeout(timer)
            resolve({ status: reply.statusCode ?? 0, headers: reply.headers, text: Buffer.concat(pieces).toString() })
          })
        })
      }),
    leave: async (call, afterMs) => {
      const outgoing = send(call)
      outgoing.on('error', () => {})
      outgoing.on('response', (reply) => reply.on('error', () => {}).resume())
      await sleep(afterMs)
      outgoing.destroy()
    },
    dawdle: async (call, pauseMs) => {
      const outgoing = send(call)
      const reply = await new Promise<IncomingMessage>((resolve, reject) => {
        outgoing.on('response', resolve)
        outgoing.on('error', reject)
      })
      reply.on('error', () => {})
      reply.once('data', () => reply.pause())
      await sleep(pauseMs)
      reply.resume()
      await sleep(pauseMs / 10)
      outgoing.destroy()
    },
    breakOff: async (waitMs) => {
      const socket = connect({ host: '127.0.0.1', port })
      socket.on('error', () => {})
      socket.write('POST /v1/chat/completions HTTP/1.1\r\nhost: soak\r\ncontent-length: 500\r\n\r\n{"model": "wel')
      await sleep(waitMs)
      socket.resetAndDestroy()
    },
    close: () => agent.destroy(),
  }
}
