/** JSON objects one to a line, as Ollama streams them, whatever the chunk boundaries. */
import { StackError } from '@llama-stack/api'
import type { ByteStream } from '@llama-stack/api'
import { isRecord } from '../../kernel/json-record.ts'

/** One line. */
export type JsonLine = Readonly<Record<string, unknown>>

/** What is told of a stream of lines. */
export interface JsonLineSink {
  line(line: JsonLine): void
  end(): void
  fail(error: StackError): void
}

/** No line of a chat is longer; a server that never ends its line must not fill the memory. */
const MAX_LINE_CHARACTERS = 16 * 1024 * 1024

/** Reads a stream line by line. A line that is no JSON object ends it with `provider_bad_reply`. */
export function readJsonLines(stream: ByteStream, provider: string, sink: JsonLineSink): void {
  const decoder = new TextDecoder()
  let rest = ''
  let over = false
  const refuse = (reason: string): void => {
    over = true
    stream.cancel()
    sink.fail(new StackError('provider_bad_reply', { provider, reason }))
  }
  const take = (text: string): void => {
    if (over || text.trim() === '') return
    const line = parseLine(text)
    if (line === undefined) refuse(`it sent a line that is no JSON object: ${text.slice(0, 80)}`)
    else sink.line(line)
  }
  stream.pipe({
    data(chunk) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) take(line)
      if (!over && rest.length > MAX_LINE_CHARACTERS) refuse('it sent a line that does not end')
    },
    end() {
      take(rest + decoder.decode())
      if (!over) sink.end()
      over = true
    },
    fail(error) {
      if (!over) sink.fail(error)
      over = true
    },
  })
}

function parseLine(text: string): JsonLine | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}
