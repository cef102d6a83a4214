/** The second door: `fetch` without a network, over the same application. */
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { StackError } from '@llama-stack/api'
import type { NodeArrival } from './dispatcher.ts'

/**
 * What `fetch` accepts, in the styles of both the web and node-fetch: plain header objects, Node streams as bodies,
 * and settings that mean nothing here (`agent`, `timeout`, `duplex`), which are ignored.
 */
export interface StackFetchInit {
  readonly method?: string | undefined
  readonly headers?: unknown
  readonly body?: unknown
  readonly signal?: StackFetchSignal | null | undefined
}

/** The part of an `AbortSignal` that polyfills have too. */
export interface StackFetchSignal {
  readonly aborted: boolean
  addEventListener(type: 'abort', listener: () => void): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/** A web-standard `fetch` that calls the stack in this process. */
export type StackFetch = (input: string | URL | Request, init?: StackFetchInit) => Promise<Response>

/** The door: `fetch` for callers, `attach` for the pipeline. */
export interface StackFetchDoor {
  readonly fetch: StackFetch
  /** Ties a request that came through this door to its caller, so that the caller can leave before the reply. */
  attach(arrival: NodeArrival): void
}

/** A remote address that no socket can have: it marks a call of ours, and which one. */
const ADDRESS_PREFIX = 'stack-fetch/'

/** Creates the door. */
export function createStackFetch(getApp: () => Promise<FastifyInstance>): StackFetchDoor {
  const calls = new Map<string, (response: ServerResponse) => void>()
  let counter = 0
  const fetch: StackFetch = async (input, init = {}) => {
    const call = await toCall(input, init)
    const { signal } = call
    if (isAborted(signal)) throw abortReason(signal)
    counter += 1
    const address = `${ADDRESS_PREFIX}${counter}`
    let response: ServerResponse | undefined
    const leave = (): void => {
      response?.destroy()
    }
    calls.set(address, (attached) => {
      response = attached
      if (isAborted(signal)) leave()
    })
    signal?.addEventListener('abort', leave)
    const over = (): void => {
      calls.delete(address)
      signal?.removeEventListener('abort', leave)
      if (call.payload instanceof Readable) call.payload.destroy()
    }
    try {
      const app = await getApp()
      const injected = await app.inject({
        method: call.method,
        url: call.url,
        headers: call.headers,
        ...(call.payload !== undefined && { payload: call.payload }),
        payloadAsStream: true,
        remoteAddress: address,
      })
      const source = injected.stream()
      // A reply that broke off at once is over before anyone could listen.
      if (source.destroyed) over()
      else source.once('close', over)
      const body = toWebBody(source, {
        leave,
        toError: (cause) => (isAborted(signal) ? abortReason(signal) : cause),
      })
      return toResponse(injected.statusCode, injected.headers, { body, isHead: call.method === 'HEAD' })
    } catch (error) {
      over()
      if (isAborted(signal)) throw abortReason(signal)
      if (isClosedApp(error)) throw new StackError('server_shutting_down', {}, { cause: error })
      throw new TypeError('fetch failed', { cause: error })
    }
  }
  return {
    fetch,
    attach({ request, response }) {
      const address = request.socket.remoteAddress
      if (address === undefined || !address.startsWith(ADDRESS_PREFIX)) return
      calls.get(address)?.(response)
    },
  }
}

const isClosedApp = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'FST_ERR_REOPENED_CLOSE_SERVER'

/** A call of its own, because the answer changes while a call waits. */
const isAborted = (signal: StackFetchSignal | undefined): boolean => signal?.aborted === true

function abortReason(signal: StackFetchSignal | undefined): unknown {
  const reason: unknown = signal !== undefined && 'reason' in signal ? signal.reason : undefined
  return reason ?? new DOMException('This operation was aborted', 'AbortError')
}

interface Call {
  readonly method: Method
  readonly url: string
  readonly headers: Record<string, string>
  readonly payload: string | Buffer | Readable | undefined
  readonly signal: StackFetchSignal | undefined
}

type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS'

async function toCall(input: string | URL | Request, init: StackFetchInit): Promise<Call> {
  const request = input instanceof Request ? input : undefined
  const url = new URL(input instanceof Request ? input.url : input, 'http://localhost')
  const headers = { ...toHeaders(request?.headers), ...toHeaders(init.headers) }
  headers['host'] ??= url.host
  const method = (init.method ?? request?.method ?? 'GET').toUpperCase()
  const body = init.body ?? request?.body ?? undefined
  const { payload, contentType } = await toPayload(body)
  if (contentType !== undefined) headers['content-type'] ??= contentType
  if (payload instanceof Readable && headers['content-length'] === undefined) headers['transfer-encoding'] = 'chunked'
  // A method that no route takes is answered with 405 by the application.
  return {
    method: method as Method,
    url: url.pathname + url.search,
    headers,
    payload,
    signal: init.signal ?? request?.signal,
  }
}

function toHeaders(given: unknown): Record<string, string> {
  const headers: Record<string, string> = {}
  if (typeof given !== 'object' || given === null) return headers
  const entries: Iterable<unknown> = Symbol.iterator in given ? (given as Iterable<unknown>) : Object.entries(given) // an iterable of pairs, as fetch has it
  for (const pair of entries) {
    const [name, value] = pair as [string, unknown] // fetch's own contract
    if (value !== undefined && value !== null)
      headers[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : `${value as string | number}` // fetch turns either into text
  }
  return headers
}

/** The body as the application reads it, and the content type that its kind implies. */
async function toPayload(body: unknown): Promise<{ payload: Call['payload']; contentType?: string }> {
  if (body === undefined || body === null) return { payload: undefined }
  // Without a content type of its own a text is taken for JSON; `fetch` would announce it as text/plain.
  if (typeof body === 'string' || body instanceof Readable) return { payload: body }
  if (ArrayBuffer.isView(body)) return { payload: Buffer.from(body.buffer, body.byteOffset, body.byteLength) }
  if (body instanceof ReadableStream) return { payload: Readable.fromWeb(body) }
  if (isNodeStream(body)) return { payload: Readable.from(body) }
  // Forms, blobs, search parameters and buffers: the platform knows how to encode them.
  const encoded = new Response(body as ConstructorParameters<typeof Response>[0])
  const contentType = encoded.headers.get('content-type')
  const payload = Buffer.from(await encoded.arrayBuffer())
  return contentType === null ? { payload } : { payload, contentType }
}

/** A stream of another library (form-data, an old readable-stream). */
const isNodeStream = (body: unknown): body is AsyncIterable<Uint8Array> =>
  typeof body === 'object' && body !== null && Symbol.asyncIterator in body && 'pipe' in body

/** How much of a reply may wait for its reader. */
const WAITING_BYTES = 64 * 1024

interface BodyOwner {
  leave(): void
  toError(cause: unknown): unknown
}

/** Counts bytes, where `Readable.toWeb` counts chunks (nodejs/node issue 46347). */
function toWebBody(source: Readable, owner: BodyOwner): ReadableStream<Uint8Array> {
  let done = false
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const fail = (cause: unknown): void => {
          if (done) return
          done = true
          controller.error(owner.toError(cause))
        }
        source.on('data', (chunk: Buffer) => {
          if (done) return
          controller.enqueue(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength))
          if ((controller.desiredSize ?? 0) <= 0) source.pause()
        })
        source.once('end', () => {
          if (done) return
          done = true
          controller.close()
        })
        source.once('error', fail)
        source.pause()
        if (source.errored !== null) fail(source.errored)
      },
      pull() {
        source.resume()
      },
      cancel() {
        done = true
        owner.leave()
        source.destroy()
      },
    },
    { highWaterMark: WAITING_BYTES, size: (chunk) => chunk.byteLength },
  )
}

const HAS_NO_BODY: ReadonlySet<number> = new Set([101, 103, 204, 205, 304])

function toResponse(
  status: number,
  given: Readonly<Record<string, unknown>>,
  { body, isHead }: { body: ReadableStream<Uint8Array>; isHead: boolean },
): Response {
  const headers = new Headers()
  for (const [name, value] of Object.entries(given)) {
    if (name === 'connection' || name === 'transfer-encoding' || name === 'keep-alive') continue
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined) headers.append(name, String(one))
  }
  if (!isHead && !HAS_NO_BODY.has(status)) return new Response(body, { status, headers })
  void body.cancel()
  return new Response(null, { status, headers })
}
