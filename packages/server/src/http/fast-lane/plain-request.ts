/**
 * The grammar of the fast lane: requests of one plain, unambiguous form, which every HTTP implementation reads alike.
 *
 * Request smuggling lives where two readers of one request differ. So this reader does not interpret: what is not spelled
 * exactly as most clients spell it is no plain request, and Node's own parser gets it, byte for byte.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { RequestHead } from '../http-message.ts'

/** The head of a plain request. */
export interface PlainHead extends RequestHead {
  readonly method: string
  readonly url: string
  /** `GET /v1/models`: what routes are found by. */
  readonly key: string
  /** 0 where there is none. */
  readonly contentLength: number
}

/** A plain request with its whole body. */
export class PlainRequest implements RequestHead {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: Uint8Array

  constructor(head: PlainHead, body: Uint8Array) {
    this.method = head.method
    this.url = head.url
    this.headers = head.headers
    this.body = body
  }
}

const REQUEST_LINE = /^(GET|POST|PUT|DELETE) (\/[!-~]*) HTTP\/1\.1$/
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** Visible characters, with spaces and tabs inside only. */
const VALUE = /^[!-~\u0080-\u00ff](?:[\t -~\u0080-\u00ff]*[!-~\u0080-\u00ff])?$/
const LENGTH = /^(?:0|[1-9]\d{0,9})$/
const MAX_HEADERS = 64

/** Headers that say something about the framing, the connection or the protocol. */
const NOT_PLAIN: ReadonlySet<string> = new Set([
  'transfer-encoding',
  'te',
  'trailer',
  'upgrade',
  'expect',
  'proxy-connection',
  'keep-alive',
  'http2-settings',
])

/** Reads the head of a request, without its empty line; undefined where it is not plain. */
export function parsePlainHead(text: string): PlainHead | undefined {
  const lines = text.split('\r\n')
  const [, method, url] = REQUEST_LINE.exec(lines[0] ?? '') ?? []
  if (method === undefined || url === undefined || lines.length > MAX_HEADERS) return undefined
  // Without a prototype: a header may have any name.
  const headers: Record<string, string> = Object.create(null)
  for (let index = 1; index < lines.length; index += 1) {
    if (!readHeader(lines[index] ?? '', headers)) return undefined
  }
  const { host, connection, 'content-length': length = '0' } = headers
  if (host === undefined || !LENGTH.test(length)) return undefined
  if (connection !== undefined && connection.toLowerCase() !== 'keep-alive') return undefined
  const contentLength = Number(length)
  if (contentLength > 0 && (method === 'GET' || method === 'DELETE')) return undefined
  return { method, url, headers, key: `${method} ${url}`, contentLength }
}

/** Whether the line is a header that may stand in a plain request; a second one of a name may not. */
function readHeader(line: string, headers: Record<string, string>): boolean {
  const colon = line.indexOf(':')
  const name = line.slice(0, colon)
  const value = trim(line.slice(colon + 1))
  if (colon < 1 || !NAME.test(name) || (value !== '' && !VALUE.test(value))) return false
  const key = name.toLowerCase()
  if (NOT_PLAIN.has(key) || key in headers) return false
  headers[key] = value
  return true
}

/** Without the spaces and tabs around (RFC 9112, section 5); `trim` would take more than these. */
function trim(value: string): string {
  let start = 0
  let end = value.length
  while (start < end && isBlank(value.charCodeAt(start))) start += 1
  while (end > start && isBlank(value.charCodeAt(end - 1))) end -= 1
  return value.slice(start, end)
}

const isBlank = (code: number): boolean => code === 32 || code === 9
