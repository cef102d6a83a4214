/** A real HTTP server on the loopback interface that answers as a test tells it to, in the place of a vendor. */
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { sseData, sseDone } from '../kernel/sse.ts'

/** One request as it arrived. */
export interface ScriptedRequest {
  readonly method: string
  /** Path and query. */
  readonly path: string
  /** Names in lower case; repeated headers joined with `, `. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** The body, parsed. */
  json(): unknown
  /** Whether the client left before the reply was complete. */
  readonly aborted: boolean
}

interface ReplyHead {
  /** Default: 200. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** How long to wait before the head is sent. Default: 0. */
  readonly delayMs?: number
}

/** What to answer: one JSON value, a text, bytes, or server-sent events. */
export type ScriptedReply = ReplyHead &
  (
    | { readonly json: unknown }
    | { readonly text: string }
    | { readonly bytes: Uint8Array }
    | {
        /** Each is one `data:` line; strings are sent as they are, other values as JSON. */
        readonly events: readonly unknown[]
        /** Whether `data: [DONE]` follows. Default: true. */
        readonly done?: boolean
        /** Pause between two events. Default: 0. */
        readonly gapMs?: number
        /** Destroys the connection after this many events. Default: the stream ends well. */
        readonly resetAfter?: number
      }
    | {
        /** Pieces of a body as they are, each written on its own; `headers` name their content type. */
        readonly frames: readonly (string | Uint8Array)[]
        /** Pause between two frames. Default: 0. */
        readonly gapMs?: number
        /** Destroys the connection after this many frames. Default: the body ends well. */
        readonly resetAfter?: number
      }
    /** Destroys the connection before anything is sent. */
    | { readonly reset: true }
  )

/** A reply, or what makes one of a request. */
export type ScriptedRoute = ScriptedReply | ((request: ScriptedRequest) => ScriptedReply | Promise<ScriptedReply>)

export interface ScriptedUpstreamOptions {
  /** Replies by method and path without query: `POST /v1/chat/completions`. */
  readonly routes?: Readonly<Record<string, ScriptedRoute>>
  /** Answers what no route does. Default: 404 in OpenAI's shape. */
  readonly handler?: (request: ScriptedRequest) => ScriptedReply | Promise<ScriptedReply>
}

export interface ScriptedUpstream extends AsyncDisposable {
  /** `http://127.0.0.1:<port>`. */
  readonly url: string
  /** All requests so far, oldest first. */
  readonly requests: readonly ScriptedRequest[]
  /** How many connections are open now. */
  readonly connections: number
}

/** Starts a scripted server on a free port. */
export async function createScriptedUpstream(options: ScriptedUpstreamOptions = {}): Promise<ScriptedUpstream> {
  const requests: ScriptedRequest[] = []
  const server = createServer((incoming, outgoing) => {
    answer(incoming, outgoing).catch((error: unknown) => {
      outgoing.destroy(error instanceof Error ? error : undefined)
    })
  })

  let connections = 0
  server.on('connection', (socket) => {
    connections += 1
    socket.on('close', () => (connections -= 1))
  })

  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const request = await receive(incoming, outgoing)
    requests.push(request)
    const path = request.path.split('?')[0] ?? ''
    const route = options.routes?.[`${request.method} ${path}`] ?? options.handler ?? notFound
    await reply(outgoing, typeof route === 'function' ? await route(request) : route)
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A server that listens on a port has an address with one.
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    get connections() {
      return connections
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}

function notFound(request: ScriptedRequest): ScriptedReply {
  const message = `no route ${request.method} ${request.path}`
  return { status: 404, json: { error: { message, type: 'invalid_request_error', param: null, code: null } } }
}

async function receive(incoming: IncomingMessage, outgoing: ServerResponse): Promise<ScriptedRequest> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(Buffer.from(chunk as Uint8Array))
  const body = Buffer.concat(chunks).toString()
  let aborted = false
  outgoing.on('close', () => {
    aborted = !outgoing.writableFinished
  })
  return {
    method: incoming.method ?? '',
    path: incoming.url ?? '',
    headers: Object.fromEntries(
      Object.entries(incoming.headers).map(([name, value]) => [
        name,
        Array.isArray(value) ? value.join(', ') : (value ?? ''),
      ]),
    ),
    body,
    json: () => JSON.parse(body) as unknown,
    get aborted() {
      return aborted
    },
  }
}

async function reply(outgoing: ServerResponse, scripted: ScriptedReply): Promise<void> {
  if (scripted.delayMs !== undefined) await sleep(scripted.delayMs)
  if ('reset' in scripted) {
    outgoing.destroy()
    return
  }
  const head = (type: string): ServerResponse =>
    outgoing.writeHead(scripted.status ?? 200, { 'content-type': type, ...scripted.headers })
  if ('json' in scripted) head('application/json').end(JSON.stringify(scripted.json))
  else if ('text' in scripted) head('text/plain').end(scripted.text)
  else if ('bytes' in scripted) head('application/octet-stream').end(scripted.bytes)
  else if ('frames' in scripted) await stream(head('application/octet-stream'), scripted)
  else {
    const { events, done = true, ...pace } = scripted
    const frames = events.map((event) => sseData(typeof event === 'string' ? event : JSON.stringify(event)))
    await stream(head('text/event-stream'), { ...pace, frames, ...(done ? { closing: sseDone } : {}) })
  }
}

interface StreamedFrames extends Omit<Extract<ScriptedReply, { frames: unknown }>, keyof ReplyHead> {
  /** Sent with the end of a body that ends well. */
  readonly closing?: string
}

async function stream(outgoing: ServerResponse, scripted: StreamedFrames): Promise<void> {
  const { frames, gapMs, resetAfter, closing = '' } = scripted
  outgoing.flushHeaders()
  for (const [index, frame] of frames.entries()) {
    if (outgoing.destroyed) return
    if (index === resetAfter) break
    if (index > 0 && gapMs !== undefined) await sleep(gapMs)
    outgoing.write(frame)
  }
  if (resetAfter === undefined) {
    outgoing.end(closing)
    return
  }
  // What was written has to leave before the connection goes.
  await sleep(20)
  outgoing.destroy()
}
