/**
 * The way past the parser for the events that nearly all of a stream consists of: they are alike but for their text, so what
 * stands around the text of one that was parsed tells that the others add text and nothing else.
 */
import { asRecord } from '../../../kernel/json-record.ts'

type Fields = Readonly<Record<string, unknown>>

const CONTENT = '"content":"'
/** Stands for a text. No vendor's chunk has it anywhere. */
const MARK = '\u2063llama\u2063'
const NOT_ASCII = /[\u0080-\u00ff]/
/** Vendors whose chunks are not alike are given up on. */
const MAX_LESSONS = 8

/** Knows the events of one stream by what stands around their text. Events are Latin-1: one character for each byte. */
export class TextFrame {
  #before: string | undefined
  #after = ''
  #lessons = 0
  /** The text of the event that `findEnd` passed. */
  text = ''

  /** Where the event ends that begins at `start`, if it is one that adds text and nothing else; otherwise -1. */
  findEnd(events: string, start: number): number {
    const before = this.#before
    const after = this.#after
    // Comparing a slice takes a third of the time that `startsWith` takes.
    if (before === undefined || events.slice(start, start + before.length) !== before) return -1
    const from = start + before.length
    // A text with quotes of its own has a backslash before the first: what follows it is no frame.
    const quote = events.indexOf('"', from)
    if (quote === -1 || events.slice(quote, quote + after.length) !== after) return -1
    const raw = events.slice(from, quote)
    if (raw.includes('\\')) {
      const text = unescape(raw)
      if (text === undefined) return -1
      this.text = text
    } else this.text = NOT_ASCII.test(raw) ? Buffer.from(raw, 'latin1').toString('utf8') : raw
    return quote + after.length
  }

  /** Learns from a `data:` event of one line, its blank line included, that was parsed. */
  learn(event: string, chunk: Fields): void {
    if (this.#lessons >= MAX_LESSONS || !addsTextOnly(chunk)) return
    this.#lessons += 1
    const from = event.indexOf(CONTENT) + CONTENT.length
    const quote = event.indexOf('"', from)
    if (from < CONTENT.length || quote <= from || event.slice(from, quote).includes('\\')) return
    // Another member may have the same name.
    const marked = JSON.parse(`${event.slice('data: '.length, from)}${MARK}${event.slice(quote, -2)}`) as Fields
    if (deltaOf(marked)['content'] !== MARK) return
    this.#before = event.slice(0, from)
    this.#after = event.slice(quote)
  }
}

function addsTextOnly({ choices, usage, error }: Fields): boolean {
  if ((usage ?? null) !== null || (error ?? null) !== null || !Array.isArray(choices) || choices.length !== 1)
    return false
  const { index, finish_reason: finish, logprobs, delta } = asRecord(choices[0])
  if ((index ?? 0) !== 0 || (finish ?? null) !== null || (logprobs ?? null) !== null) return false
  return Object.entries(asRecord(delta)).every(
    ([name, value]) => name === 'content' || name === 'role' || isNothing(value),
  )
}

function deltaOf({ choices }: Fields): Fields {
  return asRecord(asRecord(Array.isArray(choices) ? choices[0] : undefined)['delta'])
}

function isNothing(value: unknown): boolean {
  return value === null || value === '' || (Array.isArray(value) && value.length === 0)
}

function unescape(raw: string): string | undefined {
  try {
    const text: unknown = JSON.parse(`"${NOT_ASCII.test(raw) ? Buffer.from(raw, 'latin1').toString('utf8') : raw}"`)
    return typeof text === 'string' ? text : undefined
  } catch {
    return undefined
  }
}
