/** Reads HTTP/1.1 responses, one after the other, from bytes that arrive cut anywhere. */
import { ChunkedBody } from './chunked-body.ts'
import { parseResponseHead } from './response-head.ts'
import type { ResponseHead } from './response-head.ts'

const MAX_HEAD_BYTES = 65_536
const HEAD_END = Buffer.from('\r\n\r\n')
const HEAD_BEGIN = 'HTTP/1.'
const SWITCHING_PROTOCOLS = 101

/** `done`: the reply is whole. `bad`: `problem` says why it cannot be read. */
export type ParseProgress = 'more' | 'done' | 'bad'

/**
 * A push parser without callbacks: after each `push`, `head` and `body` hold what it has found. `body` never shares
 * memory with the pushed bytes, which may be overwritten by the next read.
 */
export class ResponseParser {
  /** Set from the push that completed it until the next `start`. */
  head: ResponseHead | undefined
  /** The payload that the last push brought, in one piece. */
  body: Buffer | undefined
  /** The same as Latin-1 text, where that was asked for. */
  text = ''
  problem: string | undefined
  /** More bytes came than the reply has: the connection cannot be trusted with another one. */
  excess = false

  readonly #chunked = new ChunkedBody()
  /** The beginning of a head whose end has not come yet. */
  #held: Buffer | undefined
  #remaining = 0
  #asText: boolean | undefined
  #lastText = ''
  #lastHead: ResponseHead | undefined

  /** Prepares for the next reply. */
  start(): void {
    this.head = undefined
    this.body = undefined
    this.text = ''
    this.problem = undefined
    this.excess = false
    this.#held = undefined
  }

  /**
   * Reads the first `length` bytes, which it may change; those of the body become `text` or `body`. Where it is not said
   * which, events become text.
   */
  push(bytes: Buffer, length: number, asText?: boolean): ParseProgress {
    this.body = undefined
    this.text = ''
    this.#asText = asText
    if (this.head !== undefined) return this.#readBody(this.head, { bytes, from: 0, end: length })
    if (this.#held === undefined) return this.#readHead(bytes, length)
    const all = Buffer.concat([this.#held, bytes.subarray(0, length)])
    this.#held = undefined
    return this.#readHead(all, all.length)
  }

  /** The other side has sent all it wants to send. Not `done` means that the reply is cut. */
  close(): ParseProgress {
    this.body = undefined
    return this.head?.framing === 'until-close' ? 'done' : 'more'
  }

  #readHead(bytes: Buffer, end: number): ParseProgress {
    for (let from = 0; ;) {
      const found = bytes.indexOf(HEAD_END, from)
      // Behind `end` lie the remains of earlier reads.
      if (found === -1 || found + HEAD_END.length > end) return this.#holdHead(bytes.subarray(from, end))
      if (found - from > MAX_HEAD_BYTES) return this.#fail(`its headers are larger than ${MAX_HEAD_BYTES} bytes`)
      const head = this.#parseHead(bytes.toString('latin1', from, found))
      if (typeof head === 'string') return this.#fail(head)
      from = found + HEAD_END.length
      if (head.status >= 200) {
        this.head = head
        this.#remaining = head.contentLength
        if (head.framing === 'chunked') this.#chunked.start()
        return this.#readBody(head, { bytes, from, end })
      }
      if (head.status === SWITCHING_PROTOCOLS) return this.#fail('it switches to another protocol')
    }
  }

  /** A server's replies within one second often have the same head, byte for byte. */
  #parseHead(text: string): ResponseHead | string {
    if (this.#lastHead !== undefined && text === this.#lastText) return this.#lastHead
    const head = parseResponseHead(text)
    if (typeof head === 'string') return head
    this.#lastText = text
    this.#lastHead = head
    return head
  }

  /** What can be told from a part of a head is told now: whoever speaks another protocol may never send the rest. */
  #holdHead(part: Buffer): ParseProgress {
    if (part.length > MAX_HEAD_BYTES) return this.#fail(`its headers are larger than ${MAX_HEAD_BYTES} bytes`)
    const begin = part.toString('latin1', 0, Math.min(part.length, HEAD_BEGIN.length))
    if (!HEAD_BEGIN.startsWith(begin)) return this.#fail('it does not begin with HTTP/1.')
    if (part.includes('\n\n')) return this.#fail('its lines do not end in CR LF')
    this.#held = Buffer.from(part)
    return 'more'
  }

  #readBody(head: ResponseHead, { bytes, from, end }: { bytes: Buffer; from: number; end: number }): ParseProgress {
    switch (head.framing) {
      case 'none':
        return this.#finish(from, end)
      case 'length': {
        const to = Math.min(from + this.#remaining, end)
        this.#remaining -= to - from
        this.#keep(bytes, from, to)
        return this.#remaining === 0 ? this.#finish(to, end) : 'more'
      }
      case 'chunked': {
        const to = this.#chunked.decode(bytes, from, end)
        this.#keep(bytes, this.#chunked.payloadStart, this.#chunked.payloadEnd)
        if (this.#chunked.problem !== undefined) return this.#fail(this.#chunked.problem)
        return this.#chunked.done ? this.#finish(to, end) : 'more'
      }
      case 'until-close':
        this.#keep(bytes, from, end)
        return 'more'
    }
  }

  #keep(bytes: Buffer, from: number, to: number): void {
    if (to <= from) return
    if (this.#asText ?? this.head?.isEvents === true) this.text = bytes.toString('latin1', from, to)
    else this.body = copyOf(bytes, from, to)
  }

  #finish(at: number, end: number): ParseProgress {
    this.excess = at < end
    return 'done'
  }

  #fail(problem: string): ParseProgress {
    this.problem = problem
    return 'bad'
  }
}

function copyOf(bytes: Buffer, from: number, to: number): Buffer {
  const copy = Buffer.allocUnsafe(to - from)
  bytes.copy(copy, 0, from, to)
  return copy
}
