/**
 * A `fetch` over the server's own transport, for the SDK of MCP: so that its calls pass the address guard and the pools.
 * It is web-shaped because the SDK is; nothing on the hot path uses it.
 */
import { StackError } from '@llama-stack/api'
import type { ByteStream, Upstream, UpstreamRequest, UpstreamResponse } from '@llama-stack/api'
import { isRecord } from '../../kernel/json-record.ts'

export interface UpstreamFetchOptions {
  readonly upstream: Upstream
  /** Named in errors. */
  readonly server: string
  /** Who chose a URL. Redirects of a caller's are not followed. */
  readonly chosenBy: (url: URL) => UpstreamRequest['chosenBy']
  /** A longer body, or a longer event of a stream, is an error. */
  readonly maxMessageBytes: number
  /** Until the head of a reply, and between two pieces of it. Streams that wait for news have no limit. */
  readonly silenceMs: number
}

/** What the SDK takes as `fetch`. */
export type UpstreamFetch = (url: string | URL, init?: RequestInit) => Promise<Response>

/** Makes a `fetch` for the calls to one server. It rejects with the errors of the transport. */
export function toUpstreamFetch(options: UpstreamFetchOptions): UpstreamFetch {
  return async (url, init = {}) => {
    const target = new URL(url)
    const chosenBy = options.chosenBy(target)
    const method = toMethod(init.method)
    const { body: given } = init
    const isForm = given instanceof URLSearchParams
    const body = isForm ? given.toString() : typeof given === 'string' ? given : undefined
    const rpc = body === undefined ? '' : rpcMethod(body)
    const isNews = method === 'GET' || rpc === 'subscriptions/listen'
    const response = await options.upstream.send({
      method,
      url: target.href,
      headers: Object.fromEntries(new Headers(init.headers)),
      ...(body === undefined ? {} : { body }),
      chosenBy,
      provider: options.server,
      headersTimeoutMs: options.silenceMs,
      idleTimeoutMs: isNews ? 0 : options.silenceMs,
      // A tool may do something that must not be done twice; codes and refresh tokens are good once.
      once: rpc === 'tools/call' || isForm,
      ...(init.signal ? { signal: init.signal } : {}),
    })
    if (chosenBy === 'caller' && response.status >= 300 && response.status < 400) {
      response.body.cancel()
      const reason = `it answers with a redirect (HTTP ${response.status}), which is not followed`
      throw new StackError('mcp_server_unreachable', { server: options.server, reason })
    }
    const { status, headers } = response
    return new Response(hasBody(status) ? await toBody(response, options) : null, { status, headers })
  }
}

/** The SDK sends these three. */
function toMethod(method: string | undefined): UpstreamRequest['method'] {
  return method === 'POST' || method === 'DELETE' ? method : 'GET'
}

/** The method of a JSON-RPC message; empty for anything else. */
function rpcMethod(body: string): string {
  if (!body.startsWith('{')) return ''
  const message: unknown = JSON.parse(body)
  return isRecord(message) && typeof message['method'] === 'string' ? message['method'] : ''
}

/** `Response` refuses a body with these. */
function hasBody(status: number): boolean {
  return status !== 204 && status !== 205 && status !== 304
}

type ReplyBody = Buffer<ArrayBuffer> | ReadableStream<Uint8Array>

/** One message is waited for: web streams cost more than all the rest of a call. Anything else may have no end. */
function toBody(response: UpstreamResponse, options: UpstreamFetchOptions): ReplyBody | Promise<ReplyBody> {
  const meter = toMeter(response, options)
  const isMessage = response.headers['content-type']?.startsWith('application/json') === true
  return isMessage ? readMessage(response.body, meter) : toWebStream(response.body, meter)
}

function readMessage(body: ByteStream, meter: Meter): Promise<Buffer<ArrayBuffer>> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = []
    body.pipe({
      data(chunk) {
        const excess = meter(chunk)
        if (excess === undefined) {
          chunks.push(chunk)
          return
        }
        body.cancel()
        reject(excess)
      },
      end: () => resolve(Buffer.concat(chunks)),
      fail: reject,
    })
  })
}

/** Notes the bytes of a body. Undefined while there are not too many. */
type Meter = (chunk: Uint8Array) => StackError | undefined

function toMeter({ headers }: UpstreamResponse, { maxMessageBytes, server }: UpstreamFetchOptions): Meter {
  const isStream = headers['content-type']?.startsWith('text/event-stream') === true
  let bytes = 0
  return (chunk) => {
    // The end of an event is rarely cut in two by the end of a chunk; the next event that ends resets the count then.
    bytes = isStream && endsEvent(chunk) ? 0 : bytes + chunk.byteLength
    if (bytes <= maxMessageBytes) return undefined
    return new StackError('mcp_bad_reply', { server, reason: `a message is larger than ${maxMessageBytes} bytes` })
  }
}

const EVENT_ENDS = ['\n\n', '\r\n\r\n', '\r\r']

function endsEvent(chunk: Uint8Array): boolean {
  const view = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  return EVENT_ENDS.some((end) => view.includes(end))
}

const HIGH_WATER_BYTES = 65_536

function toWebStream(body: ByteStream, meter: Meter): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        body.pipe({
          data(chunk) {
            const excess = meter(chunk)
            if (excess !== undefined) {
              body.cancel()
              controller.error(excess)
              return
            }
            controller.enqueue(chunk)
            if ((controller.desiredSize ?? 1) <= 0) body.pause()
          },
          end: () => controller.close(),
          fail: (error) => controller.error(error),
        })
      },
      pull: () => body.resume(),
      cancel: () => body.cancel(),
    },
    new ByteLengthQueuingStrategy({ highWaterMark: HIGH_WATER_BYTES }),
  )
}
