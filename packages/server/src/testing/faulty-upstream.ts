/**
 * An upstream that fails as real ones do: on raw sockets, because a server of HTTP does its best not to. Every call meets
 * the same fault; what the reply would have been is a chat completion, streamed where that was asked for.
 */
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { sseData, sseDone } from '../kernel/sse.ts'
import { MARK, wireFaults } from './faults.ts'
import type { FaultScene, FaultyReply, WireFaultName } from './faults.ts'
import { makeSelfSignedCertificate } from './self-signed-certificate.ts'

/** Faults of the connection: no request is ever read. */
export const connectionFaults = Object.freeze([
  'refuses the connection',
  'has no address',
  'accepts and falls silent',
  'has a self-signed certificate',
  'has a certificate of another name',
  'speaks plain HTTP where TLS is expected',
  'speaks TLS where plain HTTP is expected',
] as const)

/** The name of any fault, completing "the vendor …". */
export type FaultName = WireFaultName | (typeof connectionFaults)[number]

/** All names, those of the connection first. */
export const faultNames: readonly FaultName[] = Object.freeze([
  ...connectionFaults,
  // The keys of an object literal are what its type says.
  ...(Object.keys(wireFaults) as WireFaultName[]),
])

export interface FaultyUpstream extends AsyncDisposable {
  /** The base URL of its API, `/v1` included. */
  readonly url: string
  /** The certificate in PEM that a client has to trust to get as far as the name in it. */
  readonly certificate: string | undefined
  /** How many connections are open now. */
  readonly connections: number
  /** How many connections have been accepted. */
  readonly accepted: number
}

/** Starts an upstream with a fault on a free port. */
export async function createFaultyUpstream(fault: FaultName): Promise<FaultyUpstream> {
  const stopping = new AbortController()
  const sockets = new Set<Socket>()
  let accepted = 0
  const secure = fault === 'has a self-signed certificate' || fault === 'has a certificate of another name'
  const speaksTls = secure || fault === 'speaks TLS where plain HTTP is expected'
  const name = fault === 'has a certificate of another name' ? 'elsewhere.example' : '127.0.0.1'
  const certificate = speaksTls ? makeSelfSignedCertificate([name]) : undefined

  const server: Server =
    certificate === undefined ? createServer({ noDelay: true }) : createTlsServer({ ...certificate, noDelay: true })
  server.on('connection', (socket) => {
    accepted += 1
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    // A client that leaves, as well as the fault itself, may reset the connection.
    socket.on('error', () => undefined)
    if (certificate === undefined) serve(socket, fault, stopping.signal)
  })
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A server that listens on a port has an address with one.
  const { port } = server.address() as AddressInfo

  const close = async (): Promise<void> => {
    stopping.abort()
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    const gone = [...sockets].map((socket) => new Promise((resolve) => socket.destroy().once('close', resolve)))
    await Promise.all([closed, ...gone])
  }
  if (fault === 'refuses the connection') await close()

  return {
    url: toUrl(fault, port),
    certificate: certificate?.cert,
    get connections() {
      return sockets.size
    },
    get accepted() {
      return accepted
    },
    [Symbol.asyncDispose]: () => (server.listening ? close() : Promise.resolve()),
  }
}

function toUrl(fault: FaultName, port: number): string {
  // RFC 6761, section 6.4: no name below `invalid` has an address.
  if (fault === 'has no address') return `http://nowhere.invalid:${port}/v1`
  const tls =
    fault === 'has a self-signed certificate' ||
    fault === 'has a certificate of another name' ||
    fault === 'speaks plain HTTP where TLS is expected'
  return `${tls ? 'https' : 'http'}://127.0.0.1:${port}/v1`
}

/** Reads requests and meets each with the fault. */
function serve(socket: Socket, fault: FaultName, signal: AbortSignal): void {
  if (fault === 'accepts and falls silent') {
    // What is not read hides that the other side has left.
    socket.resume()
    return
  }
  let text = ''
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1')
    for (;;) {
      const end = requestEnd(text)
      if (end === undefined) return
      const reply = toReply(text.slice(0, end))
      text = text.slice(end)
      // Whoever expects HTTP answers a TLS greeting in plain text.
      const meet = isWireFault(fault) ? wireFaults[fault] : refuseInPlainText
      Promise.resolve(meet({ socket, reply, signal })).catch((error: unknown) => {
        socket.destroy(error instanceof Error ? error : undefined)
      })
    }
  })
}

function isWireFault(fault: FaultName): fault is WireFaultName {
  return fault in wireFaults
}

function refuseInPlainText({ socket }: FaultScene): void {
  socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
}

function requestEnd(text: string): number | undefined {
  const head = text.indexOf('\r\n\r\n')
  if (head === -1) {
    // A TLS greeting is a record of its own kind, without line ends.
    return text.charCodeAt(0) === 0x16 ? text.length : undefined
  }
  const end = head + 4 + Number(/content-length: *(\d+)/i.exec(text)?.[1] ?? 0)
  return text.length >= end ? end : undefined
}

const HEAD = Object.freeze({ id: 'chatcmpl-1', created: 1_760_000_000, model: 'some-model' })

/** The reply that would have been. */
function toReply(request: string): FaultyReply {
  const streamed = /"stream": *true/.test(request)
  const status = 'HTTP/1.1 200 OK\r\nContent-Type: '
  if (!streamed) {
    const message = { role: 'assistant', content: `Rain is likely: ${MARK}` }
    const usage = { prompt_tokens: 5, completion_tokens: 4, total_tokens: 9 }
    const choices = [{ index: 0, message, finish_reason: 'stop' }]
    const body = JSON.stringify({ ...HEAD, object: 'chat.completion', choices, usage })
    return { streamed, head: `${status}application/json`, pieces: [body] }
  }
  const piece = (delta: object, finish: string | null = null): string =>
    sseData(
      JSON.stringify({
        ...HEAD,
        object: 'chat.completion.chunk',
        choices: [{ index: 0, delta, finish_reason: finish }],
      }),
    )
  const words = ['Rain ', 'is ', 'likely: ', MARK].map((content) => piece({ content }))
  const pieces = [piece({ role: 'assistant', content: '' }), ...words, piece({}, 'stop'), sseDone]
  return { streamed, head: `${status}text/event-stream`, pieces }
}
