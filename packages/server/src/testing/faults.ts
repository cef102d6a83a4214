/** The faults that an upstream can have below and within HTTP, each as what its server does on the wire. */
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** How a good reply begins and goes on; a fault spoils it at one place. */
export interface FaultyReply {
  /** The head's lines without the closing empty one. */
  readonly head: string
  /** The body, unframed; a stream has one piece for each event. */
  readonly pieces: readonly string[]
  readonly streamed: boolean
}

/** What a fault may do with a connection once the request is there. */
export interface FaultScene {
  readonly socket: Socket
  readonly reply: FaultyReply
  /** Aborted when the server is disposed. */
  readonly signal: AbortSignal
}

/** A fault of the wire: what happens after the request has been read. */
export type WireFault = (scene: FaultScene) => Promise<void> | void

/** What was written has to leave before the connection goes. */
const SETTLE_MS = 30
const DRIP_BYTES = 24
const DRIP_MS = 20

/** The status codes that vendors fail with, and their headers. */
const statusFault =
  (status: string, headers: readonly string[] = []): WireFault =>
  ({ socket }) => {
    const body = JSON.stringify({ error: { message: `The vendor says ${status}.`, type: 'vendor_error', code: null } })
    const lines = [`HTTP/1.1 ${status}`, 'Content-Type: application/json', `Content-Length: ${body.length}`, ...headers]
    socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`)
  }

/** A whole body with a length that is right. */
function whole({ socket }: FaultScene, head: string, body: string): void {
  socket.write(`${head}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
}

/** The place in a reply at which it stops, and what has been written by then. */
const untilPlace = Object.freeze({
  headers: () => '',
  'the headers': ({ head }: FaultyReply) => head.slice(0, -7),
  'the body': ({ head, pieces, streamed }: FaultyReply) => {
    const text = pieces.join('')
    const length = Buffer.byteLength(text)
    // Of a stream: an event that has begun.
    const framing = streamed ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`
    const half = text.slice(0, Math.floor((pieces[0] ?? '').length / 2))
    return `${head}\r\n${framing}\r\n\r\n${streamed ? toChunk(half) : half}`
  },
  'the stream': ({ head, pieces }: FaultyReply) =>
    `${head}\r\nTransfer-Encoding: chunked\r\n\r\n${pieces.slice(0, 3).map(toChunk).join('')}`,
})

const reset =
  (place: keyof typeof untilPlace): WireFault =>
  async ({ socket, reply }) => {
    socket.write(untilPlace[place](reply))
    await sleep(SETTLE_MS)
    socket.resetAndDestroy()
  }

const stall =
  (place: keyof typeof untilPlace): WireFault =>
  ({ socket, reply }) => {
    const text = untilPlace[place](reply)
    if (text !== '') socket.write(text)
  }

const PAGE = '<!doctype html><html><head><title>Welcome to nginx!</title></head><body>It works.</body></html>'

/** Every fault of the wire, by a name that completes "the vendor …". */
export const wireFaults = Object.freeze({
  'resets before the headers': reset('headers'),
  'resets within the headers': reset('the headers'),
  'resets within the body': reset('the body'),
  'resets within the stream': reset('the stream'),
  'closes within the body': ({ socket, reply }) => void socket.end(untilPlace['the body'](reply)),
  'closes before the headers': ({ socket }) => void socket.end(),
  'closes within the stream': ({ socket, reply }) => void socket.end(untilPlace['the stream'](reply)),
  'ends the stream without its end': ({ socket, reply }) =>
    void socket.write(`${untilPlace['the stream'](reply)}0\r\n\r\n`),
  'stalls before the headers': stall('headers'),
  'stalls within the headers': stall('the headers'),
  'stalls within the body': stall('the body'),
  'stalls within the stream': stall('the stream'),
  'drips its reply': async ({ socket, reply, signal }) => {
    const { head, pieces } = reply
    const body = pieces.join('')
    socket.write(`${head}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`)
    const bytes = Buffer.from(body)
    for (let from = 0; from < bytes.length && !signal.aborted; from += DRIP_BYTES) {
      socket.write(bytes.subarray(from, from + DRIP_BYTES))
      await sleep(DRIP_MS)
    }
  },
  'drips its headers': async ({ socket, reply, signal }) => {
    for (const character of reply.head) {
      if (signal.aborted || socket.destroyed) return
      socket.write(character)
      await sleep(DRIP_MS * 2)
    }
  },
  'answers 408': statusFault('408 Request Timeout'),
  'answers 409': statusFault('409 Conflict'),
  'answers 429': statusFault('429 Too Many Requests'),
  'answers 429 with Retry-After: 1': statusFault('429 Too Many Requests', ['Retry-After: 1']),
  'answers 429 with Retry-After: 3600': statusFault('429 Too Many Requests', ['Retry-After: 3600']),
  'answers 500': statusFault('500 Internal Server Error'),
  'answers 502': statusFault('502 Bad Gateway'),
  'answers 503': statusFault('503 Service Unavailable'),
  'answers 504': statusFault('504 Gateway Timeout'),
  'answers 529': statusFault('529 Overloaded'),
  'answers 200 with a page': (scene) => whole(scene, 'HTTP/1.1 200 OK\r\nContent-Type: text/html', PAGE),
  'answers 502 with a page': (scene) => whole(scene, 'HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html', PAGE),
  'truncates its JSON': (scene) => {
    const text = scene.reply.pieces.join('')
    // A stream ends within an event, in good order.
    whole(scene, scene.reply.head, text.slice(0, scene.reply.streamed ? text.length / 2 : -10))
  },
  'names the wrong content type': (scene) =>
    whole(scene, 'HTTP/1.1 200 OK\r\nContent-Type: text/plain', scene.reply.pieces.join('')),
  'cuts a chunk within a character': async ({ socket, reply }) => {
    socket.write(`${reply.head}\r\nTransfer-Encoding: chunked\r\n\r\n`)
    for (const part of cutInCharacters(Buffer.from(reply.pieces.join('')))) {
      socket.write(`${part.length.toString(16)}\r\n`)
      socket.write(part)
      socket.write('\r\n')
      await sleep(1)
    }
    socket.write('0\r\n\r\n')
  },
  'sends an event of 10 MB': ({ socket, reply }) => {
    const big = 'x'.repeat(10 * 1024 * 1024)
    const body = reply.pieces.join('').replace(MARK, big)
    socket.write(`${reply.head}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
  },
  'never ends its reply': async ({ socket, reply, signal }) => {
    const [first = '', second = ''] = reply.pieces
    socket.write(`${reply.head}\r\nTransfer-Encoding: chunked\r\n\r\n`)
    // White space may go on for ever before a JSON value; a stream repeats a piece of its text.
    const endless = reply.streamed ? second : ' '
    socket.write(toChunk(reply.streamed ? first : ' '))
    while (!signal.aborted && !socket.destroyed) {
      socket.write(toChunk(endless))
      await sleep(10)
    }
  },
  'does not speak HTTP': ({ socket }) => void socket.write('SSH-2.0-OpenSSH_9.9\r\n'),
} satisfies Record<string, WireFault>)

/** Faults between two events: a reply that is no stream cannot have them. */
export const streamFaults: ReadonlySet<string> = new Set([
  'resets within the stream',
  'closes within the stream',
  'ends the stream without its end',
  'stalls within the stream',
] satisfies WireFaultName[])

/** The name of a fault of the wire. */
export type WireFaultName = keyof typeof wireFaults

/** A text within every good reply; the event of 10 MB stands in its place. */
export const MARK = 'à Zürich ☔'

function toChunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
}

/** Cuts after the first byte of every character that has more than one. */
function cutInCharacters(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = []
  let from = 0
  for (const [at, byte] of bytes.entries()) {
    if (byte < 0xc0) continue
    parts.push(bytes.subarray(from, at + 1))
    from = at + 1
  }
  return [...parts, bytes.subarray(from)]
}
