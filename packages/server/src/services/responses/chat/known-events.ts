/** The way past the parser for the events that nearly all of a stream consists of: those that add text and nothing else. */
import { asRecord } from '../../../kernel/json-record.ts'
import { findFrame, findText, findTexts } from '../../inference/text-frame.ts'
import type { FramedTexts, TextFrame } from '../../inference/text-frame.ts'

type Fields = Readonly<Record<string, unknown>>

const NOT_ASCII = /[\u0080-\u00ff]/
const ENCODED = /[\\\u0080-\u00ff]/
/** Vendors whose chunks are not alike are given up on. */
const MAX_LESSONS = 8

/** Knows the events of one stream by what stands around their text. Events are Latin-1: one character for each byte. */
export class KnownEvents {
  #frame: TextFrame | undefined
  #lessons = 0

  /** The texts of the events from `start` on that add text and nothing else; undefined where the first is another one. */
  find(events: string, start: number): FramedTexts | undefined {
    const frame = this.#frame
    const found = frame === undefined ? undefined : findTexts(events, start, frame)
    if (frame === undefined || found === undefined) return undefined
    const { texts } = found
    let end = start
    for (const [index, raw] of texts.entries()) {
      if (ENCODED.test(raw)) {
        const text = decode(raw)
        // The parser says what is wrong with it.
        if (text === undefined) return index === 0 ? undefined : { texts: texts.slice(0, index), end }
        texts[index] = text
      }
      end += frame.before.length + raw.length + frame.after.length
    }
    return found
  }

  /** Learns from a `data:` event of one line, its blank line included, that was parsed. */
  learn(event: string, chunk: Fields): void {
    if (this.#lessons >= MAX_LESSONS || indexOf(chunk) !== 0 || findText(chunk) !== 'content') return
    this.#lessons += 1
    this.#frame = findFrame(event, chunk) ?? this.#frame
  }
}

function indexOf({ choices }: Fields): unknown {
  return asRecord(Array.isArray(choices) ? choices[0] : undefined)['index'] ?? 0
}

/** The text that a JSON string stands for. */
function decode(raw: string): string | undefined {
  const json = NOT_ASCII.test(raw) ? Buffer.from(raw, 'latin1').toString('utf8') : raw
  if (!json.includes('\\')) return json
  try {
    const text: unknown = JSON.parse(`"${json}"`)
    return typeof text === 'string' ? text : undefined
  } catch {
    return undefined
  }
}
