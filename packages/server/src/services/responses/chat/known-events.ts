/** The way past the parser for the events that nearly all of a stream consists of: those that add text and nothing else. */
import { asRecord } from '../../../kernel/json-record.ts'
import { findFrame, findText, findTextEnd } from '../../inference/text-frame.ts'
import type { TextFrame } from '../../inference/text-frame.ts'

type Fields = Readonly<Record<string, unknown>>

const NOT_ASCII = /[\u0080-\u00ff]/
/** Vendors whose chunks are not alike are given up on. */
const MAX_LESSONS = 8

/** Knows the events of one stream by what stands around their text. Events are Latin-1: one character for each byte. */
export class KnownEvents {
  #frame: TextFrame | undefined
  #lessons = 0
  /** The text of the event that `findEnd` passed. */
  text = ''

  /** Where the event ends that begins at `start`, if it is one that adds text and nothing else; otherwise -1. */
  findEnd(events: string, start: number): number {
    const frame = this.#frame
    const quote = frame === undefined ? -1 : findTextEnd(events, start, frame)
    if (frame === undefined || quote === -1) return -1
    const raw = events.slice(start + frame.before.length, quote)
    if (raw.includes('\\')) {
      const text = unescape(raw)
      if (text === undefined) return -1
      this.text = text
    } else this.text = NOT_ASCII.test(raw) ? Buffer.from(raw, 'latin1').toString('utf8') : raw
    return quote + frame.after.length
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

function unescape(raw: string): string | undefined {
  try {
    const text: unknown = JSON.parse(`"${NOT_ASCII.test(raw) ? Buffer.from(raw, 'latin1').toString('utf8') : raw}"`)
    return typeof text === 'string' ? text : undefined
  } catch {
    return undefined
  }
}
