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

/** Creates a parser that calls back once per event. Comments and `id`/`retry` fields are skipped. */
export function createSseParser(onEvent: (event: SseEvent) => void): SseParser {
  const decoder = new TextDecoder()
  let rest = ''
  let name: string | undefined
  let data: string | undefined
  const line = (text: string): void => {
    if (text === '') {
      if (data !== undefined) onEvent(name === undefined ? { data } : { event: name, data })
      name = undefined
      data = undefined
      return
    }
    const colon = text.indexOf(':')
    const field = colon === -1 ? text : text.slice(0, colon)
    const start = text.charCodeAt(colon + 1) === 32 ? colon + 2 : colon + 1
    const content = colon === -1 ? '' : text.slice(start)
    if (field === 'data') data = data === undefined ? content : `${data}\n${content}`
    else if (field === 'event') name = content
  }
  const lines = (text: string): void => {
    let from = 0
    for (;;) {
      const end = text.indexOf('\n', from)
      if (end === -1) break
      line(text.charCodeAt(end - 1) === 13 && end > from ? text.slice(from, end - 1) : text.slice(from, end))
      from = end + 1
    }
    rest = text.slice(from)
  }
  return {
    push(chunk) {
      lines(rest + decoder.decode(chunk, { stream: true }))
    },
    end() {
      const last = rest + decoder.decode()
      rest = ''
      if (last !== '') line(last.endsWith('\r') ? last.slice(0, -1) : last)
      line('')
    },
  }
}
