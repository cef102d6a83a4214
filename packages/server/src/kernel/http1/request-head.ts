/** Writes the heads of requests, checked so that nothing a caller chose can add a line to them. */
import { StackError } from '@llama-stack/api'
import { VERSION } from '../version.ts'

type Headers = Readonly<Record<string, string>>

/** They belong to the connection, not to the call; the connection sets what it needs. */
const OF_THE_CONNECTION = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const NOT_IN_VALUE = /[^\t\x20-\x7e\x80-\xff]/
const NOT_IN_PATH = /[^\x21-\x7e]/

export interface RequestHeadOptions {
  /** With the port, unless it is the scheme's own. */
  readonly host: string
  readonly path: string
  /** Sent with each request, unless it brings the same header. */
  readonly headers?: Headers
}

/** The heads of the requests for one URL. The last one is kept, because the next is nearly always the same. */
export class RequestHead {
  readonly #options: RequestHeadOptions
  #text = ''
  #method = ''
  #names: string[] = []
  #values: string[] = []

  constructor(options: RequestHeadOptions) {
    this.#options = options
  }

  /** The request line and all headers but the length, every line ended. */
  toText(method: string, headers: Headers): string {
    if (this.#isLast(method, headers)) return this.#text
    this.#text = writeHead(method, headers, this.#options)
    this.#method = method
    this.#names = Object.keys(headers)
    this.#values = Object.values(headers)
    return this.#text
  }

  #isLast(method: string, headers: Headers): boolean {
    if (method !== this.#method) return false
    let count = 0
    for (const name in headers) {
      if (this.#names[count] !== name || this.#values[count] !== headers[name]) return false
      count += 1
    }
    return count === this.#names.length
  }
}

function writeHead(method: string, headers: Headers, options: RequestHeadOptions): string {
  const { host, path, headers: always = {} } = options
  if (NOT_IN_PATH.test(path)) {
    throw refuse('url', 'the path has a space, a line break or another character that no URL has')
  }
  const lines = new Map([
    ['host', host],
    ['accept', '*/*'],
    ['user-agent', `llama-stack/${VERSION}`],
  ])
  for (const [name, of] of [...Object.entries(always), ...Object.entries(headers)]) {
    if (!NAME.test(name)) throw refuse('headers', 'a header has a name that HTTP does not allow')
    if (NOT_IN_VALUE.test(of)) throw refuse(name, 'the value of this header has a line break or a control character')
    const lower = name.toLowerCase()
    if (!OF_THE_CONNECTION.has(lower)) lines.set(lower, of)
  }
  let text = `${method} ${path} HTTP/1.1\r\n`
  for (const [name, of] of lines) text += `${name}: ${of}\r\n`
  return text
}

/** The value is not quoted: it may be a key. */
function refuse(param: string, problem: string): StackError {
  return new StackError('invalid_value', { param, problem, fix: 'Correct it and send the request again.' })
}
