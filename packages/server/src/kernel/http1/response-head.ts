/** The head of an HTTP/1.1 response and where its body ends (RFC 9112, sections 4 to 6). */

export interface ResponseHead {
  readonly status: number
  /** Names in lower case; repeated headers joined with `, `. */
  readonly headers: Readonly<Record<string, string>>
  readonly framing: 'none' | 'length' | 'chunked' | 'until-close'
  /** 0 unless the framing is `length`. */
  readonly contentLength: number
  /** Whether the server keeps the connection open after this reply. */
  readonly reusable: boolean
  /** The server's `Keep-Alive: timeout`. */
  readonly keepAliveMs: number | undefined
  /** Whether the body is a stream of events: those are cut and joined as text. */
  readonly isEvents: boolean
}

const NOT_IN_NAME = /[^!#$%&'*+\-.^_`|~0-9A-Za-z]/
const NOT_IN_VALUE = /[^\t\x20-\x7e\x80-\xff]/
const LENGTH = /^\d{1,15}$/
const CLOSES = /(?:^|,)[ \t]*close[ \t]*(?:,|$)/i
const KEEPS = /(?:^|,)[ \t]*keep-alive[ \t]*(?:,|$)/i
const SPACE = 32

/**
 * Reads a head without its closing empty line. A text in place of a head says what is wrong with it.
 *
 * It is strict where leniency lets two readers disagree about the end of a reply: no folded lines, no space before the
 * colon, no bare line ends, one length.
 */
export function parseResponseHead(text: string): ResponseHead | string {
  const end = text.indexOf('\r\n')
  const statusLine = end === -1 ? text : text.slice(0, end)
  const status = parseStatus(statusLine)
  if (status === undefined) return 'the status line is not one of HTTP/1.1'
  const headers: Record<string, string> = {}
  const problem = end === -1 ? undefined : readHeaders(text, end + 2, headers)
  return problem ?? toHead(status, headers, statusLine.charCodeAt(7) === 0x31)
}

function parseStatus(line: string): number | undefined {
  if (!/^HTTP\/1\.[01] [1-9]\d\d(?: |$)/.test(line) || NOT_IN_VALUE.test(line)) return undefined
  return Number(line.slice(9, 12))
}

function readHeaders(text: string, from: number, headers: Record<string, string>): string | undefined {
  for (let at = from; ;) {
    const found = text.indexOf('\r\n', at)
    const end = found === -1 ? text.length : found
    const colon = text.indexOf(':', at)
    if (colon <= at || colon > end) return 'a header line has no name'
    const name = text.slice(at, colon)
    if (NOT_IN_NAME.test(name)) return 'the name of a header has a character that is not allowed'
    const value = text.slice(text.charCodeAt(colon + 1) === SPACE ? colon + 2 : colon + 1, end).trim()
    if (NOT_IN_VALUE.test(value)) return 'the value of a header has a character that is not allowed'
    const key = name.toLowerCase()
    const known = headers[key]
    // `constructor` and `__proto__` are inherited and no text.
    headers[key] = typeof known === 'string' ? `${known}, ${value}` : value
    if (found === -1) return undefined
    at = end + 2
  }
}

function toHead(status: number, headers: Record<string, string>, isVersion11: boolean): ResponseHead | string {
  const { connection, 'transfer-encoding': coding, 'content-length': length, 'keep-alive': hint } = headers
  let reusable = isVersion11
  if (connection !== undefined) {
    if (CLOSES.test(connection)) reusable = false
    else if (!isVersion11) reusable = KEEPS.test(connection)
  }
  if (length !== undefined && !LENGTH.test(length)) return 'Content-Length is not one number'
  const keepAliveMs = hint === undefined ? undefined : findTimeout(hint)
  const isEvents = headers['content-type']?.startsWith('text/event-stream') === true
  const common = { status, headers, keepAliveMs, contentLength: 0, isEvents }
  if (status < 200 || status === 204 || status === 304) return { ...common, framing: 'none', reusable }
  if (coding !== undefined) {
    if (coding.toLowerCase() !== 'chunked') return 'its Transfer-Encoding is not chunked'
    // Two lengths in one reply are how replies are smuggled: this one is read, and nothing after it (section 6.3).
    return { ...common, framing: 'chunked', reusable: reusable && length === undefined && isVersion11 }
  }
  if (length === undefined) return { ...common, framing: 'until-close', reusable: false }
  return { ...common, framing: 'length', contentLength: Number(length), reusable }
}

function findTimeout(hint: string): number | undefined {
  const seconds = /(?:^|,)[ \t]*timeout=(\d{1,6})/i.exec(hint)?.[1]
  return seconds === undefined ? undefined : Number(seconds) * 1000
}
