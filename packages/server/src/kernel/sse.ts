/**
 * Server-sent events: framing what we send, and cutting what we receive into events, whatever the chunk boundaries.
 * WHATWG HTML, section 9.2 "Server-sent events".
 */

export interface SseEvent {
  /** The `event:` field, when the sender set one. */
  readonly event?: string
  /** The `data:` lines, joined with a line feed. */
  readonly data: string
}

export interface SseParser {
  push(chunk: Uint8Array): void
  /** A last event without its blank line is delivered too: several vendors end their streams that way. */
  end(): void
}

/** The terminal event of OpenAI's chat and completions streams. */
export const sseDone = 'data: [DONE]\n\n'

/** Frames one JSON text. */
export function sseData(json: string): string {
  return `data: ${json}\n\n`
}

/** No honest event is larger; without a bound a sender that never ends one could fill the memory. */
const MAX_EVENT_CHARACTERS = 64 * 1024 * 1024

export interface SseParserOptions {
  /** Called once when an event is larger than 64 Mi characters. Nothing after its beginning is read. Default: silence. */
  readonly onTooLarge?: () => void
}

const LINE_FEED = 10
const CARRIAGE_RETURN = 13

/**
 * Creates a parser that calls back once per event. Comments and `id`/`retry` fields are skipped; lines may end in LF, CR LF
 * or CR. Each character is looked at once, however many chunks an event comes in.
 */
export function createSseParser(onEvent: (event: SseEvent) => void, options: SseParserOptions = {}): SseParser {
  const lines = new LineCutter(new EventReader(onEvent), () => options.onTooLarge?.())
  const decoder = new TextDecoder()
  return {
    push: (chunk) => lines.push(decoder.decode(chunk, { stream: true })),
    end() {
      lines.push(decoder.decode())
      lines.end()
    },
  }
}

/** Puts lines together to events. */
class EventReader {
  readonly #onEvent: (event: SseEvent) => void
  #name: string | undefined
  #data: string[] = []
  /** Characters of the event so far. */
  size = 0

  constructor(onEvent: (event: SseEvent) => void) {
    this.#onEvent = onEvent
  }

  line(text: string): void {
    if (text === '') return this.#dispatch()
    const colon = text.indexOf(':')
    const field = colon === -1 ? text : text.slice(0, colon)
    const start = text.charCodeAt(colon + 1) === 32 ? colon + 2 : colon + 1
    const content = colon === -1 ? '' : text.slice(start)
    if (field === 'data') {
      this.#data.push(content)
      this.size += content.length + 1
    } else if (field === 'event') this.#name = content
  }

  #dispatch(): void {
    const [first] = this.#data
    const data = this.#data.length > 1 ? this.#data.join('\n') : first
    const name = this.#name
    this.#name = undefined
    this.#data = []
    this.size = 0
    if (data !== undefined) this.#onEvent(name === undefined ? { data } : { event: name, data })
  }
}

/** Cuts text into lines. The beginning of a line is kept in the pieces it came in until its end is there. */
class LineCutter {
  readonly #reader: EventReader
  readonly #onTooLarge: () => void
  #held: string[] = []
  #heldSize = 0
  /** The last character was a CR: an LF that follows belongs to it. */
  #afterReturn = false
  #closed = false

  constructor(reader: EventReader, onTooLarge: () => void) {
    this.#reader = reader
    this.#onTooLarge = onTooLarge
  }

  push(text: string): void {
    if (this.#closed || text === '') return
    let from = this.#afterReturn && text.charCodeAt(0) === LINE_FEED ? 1 : 0
    this.#afterReturn = text.charCodeAt(text.length - 1) === CARRIAGE_RETURN
    let feed = text.indexOf('\n', from)
    let back = text.indexOf('\r', from)
    while (feed !== -1 || back !== -1) {
      const end = back === -1 || (feed !== -1 && feed < back) ? feed : back
      this.#line(text.slice(from, end))
      from = end === back && feed === back + 1 ? end + 2 : end + 1
      if (feed !== -1 && feed < from) feed = text.indexOf('\n', from)
      if (back !== -1 && back < from) back = text.indexOf('\r', from)
    }
    if (from < text.length) {
      this.#held.push(text.slice(from))
      this.#heldSize += text.length - from
    }
    if (this.#heldSize + this.#reader.size > MAX_EVENT_CHARACTERS) this.#giveUp()
  }

  end(): void {
    if (this.#closed) return
    if (this.#heldSize > 0) this.#line('')
    this.#reader.line('')
  }

  #line(rest: string): void {
    if (this.#heldSize === 0) {
      this.#reader.line(rest)
      return
    }
    this.#held.push(rest)
    const whole = this.#held.join('')
    this.#held = []
    this.#heldSize = 0
    this.#reader.line(whole)
  }

  #giveUp(): void {
    this.#closed = true
    this.#held = []
    this.#onTooLarge()
  }
}
