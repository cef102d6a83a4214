import { request } from 'node:http'
import { BenchError } from './bench-error.ts'

/** A whole reply. */
export type PlainReply = { readonly status: number; readonly body: string }

/** A request to a server on this machine. Without a body it is a GET. */
export type PlainCall = {
  readonly port: number
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

const timeoutMs = 8_000

/** Sends one request on a connection of its own and reads the whole reply. */
export function sendOnce(call: PlainCall): Promise<PlainReply> {
  const { port, path, body } = call
  const method = body === undefined ? 'GET' : 'POST'
  const length =
    body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
  const headers = { ...length, ...call.headers }
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs)
    const outgoing = request({ host: '127.0.0.1', port, path, method, headers, agent: false, signal }, (reply) => {
      const pieces: Buffer[] = []
      reply.on('data', (bytes: Buffer) => pieces.push(bytes))
      reply.on('end', () => resolve({ status: reply.statusCode ?? 0, body: Buffer.concat(pieces).toString() }))
      reply.on('error', reject)
    })
    outgoing.on('error', (error) => reject(new BenchError(`${method} ${path} on port ${port}: ${error.message}`)))
    outgoing.end(body)
  })
}
