/**
 * The way past the parser for the chunks that nearly all of a stream consists of: one choice, some text, nothing else.
 * They begin alike up to their choices, so a chunk that begins like one that was parsed needs no repair and tells nothing
 * new; only the name of the model may have to change. Parsing each costs more than all the rest that is done for it.
 */
import { asRecord } from '../../kernel/json-record.ts'
import type { ModelRenamer } from './rename-model.ts'

const CHOICES = '"choices":['
const DELTA = '"delta":{'

/**
 * What makes a chunk worth a closer look. Within a JSON string every quote is escaped, so that none of these can be part of
 * the model's text.
 */
const TELLING = [
  '"tool_calls":[',
  '"usage":{',
  '"error":',
  // Reasoning that only its provider can read, in its spellings.
  'reasoning_details":',
  'signature":',
  'encrypted_content":',
  '"redacted_thinking"',
] as const

/** Vendors whose chunks do not begin alike are given up on. */
const MAX_LESSONS = 8

export class ChunkShortcut {
  readonly #rename: ModelRenamer | undefined
  #head: string | undefined
  #renamedHead = ''
  #frame: Frame | undefined
  #lessons = 0
  /** The events that the last `findEnd` passed, as they are relayed. */
  relayed = ''

  constructor(rename: ModelRenamer | undefined) {
    this.#rename = rename
  }

  /**
   * Passes the events from `start` on that are the learned one but for their text, and says where the first other one
   * begins. A text that has quotes of its own is left to the others, so that the first quote is its end.
   */
  findEnd(events: string, start: number): number {
    this.relayed = ''
    const frame = this.#frame
    if (frame === undefined) return start
    const { before, after, renamedBefore, renamedAfter } = frame
    let end = start
    while (events.startsWith(before, end)) {
      const from = end + before.length
      const quote = events.indexOf('"', from)
      if (quote === -1 || !events.startsWith(after, quote)) break
      this.relayed += renamedBefore + events.slice(from, quote) + renamedAfter
      end = quote + after.length
    }
    return end
  }

  /** What is relayed for an event, its blank line included; undefined where it has to be parsed. */
  relay(event: string): string | undefined {
    const head = this.#head
    if (head === undefined || !event.startsWith(head) || !isOrdinary(event, head.length)) return undefined
    return head === this.#renamedHead ? event : this.#renamedHead + event.slice(head.length)
  }

  /** Learns from an event of one plain `data:` line that was parsed and needed no repair. */
  learn(event: string, piece: Readonly<Record<string, unknown>>): void {
    if (this.#lessons >= MAX_LESSONS) return
    this.#lessons += 1
    const end = event.indexOf(CHOICES) + CHOICES.length
    if (end < CHOICES.length) return
    const json = `${event.slice('data: '.length, end)}]}`
    if (!hasWholeHead(json)) return
    const renamed = this.#rename?.(json, piece) ?? json
    this.#head = toLatin1(event.slice(0, end))
    this.#renamedHead = toLatin1(`data: ${renamed.slice(0, -2)}`)
    this.#frame = findFrame(event, piece, this.#rename)
  }
}

/** An event around its text, in Latin-1: as it comes and as it goes. */
interface Frame {
  readonly before: string
  readonly after: string
  readonly renamedBefore: string
  readonly renamedAfter: string
}

/** Stands for the text of an event. No vendor's chunk has it anywhere. */
const MARK = '\u2063llama\u2063'

/** The frame of an event whose one choice adds text and tells nothing else. */
function findFrame(event: string, piece: Readonly<Record<string, unknown>>, rename?: ModelRenamer): Frame | undefined {
  if (!addsText(piece)) return undefined
  const from = event.indexOf(CONTENT) + CONTENT.length
  const quote = event.indexOf('"', from)
  if (from < CONTENT.length || quote <= from || event.slice(from, quote).includes('\\')) return undefined
  const marked = event.slice('data: '.length, from) + MARK + event.slice(quote, -2)
  const parsed = JSON.parse(marked) as Readonly<Record<string, unknown>> // the event was parsed before, with another text
  // Another member may have the same name.
  if (textOf(parsed) !== MARK) return undefined
  const [renamedBefore, renamedAfter, ...others] = (rename?.(marked, parsed) ?? marked).split(MARK)
  if (renamedBefore === undefined || renamedAfter === undefined || others.length > 0) return undefined
  return {
    before: toLatin1(event.slice(0, from)),
    after: toLatin1(event.slice(quote)),
    renamedBefore: toLatin1(`data: ${renamedBefore}`),
    renamedAfter: toLatin1(`${renamedAfter}\n\n`),
  }
}

const CONTENT = '"content":"'

function addsText({ choices, usage, error }: Readonly<Record<string, unknown>>): boolean {
  if ((usage ?? null) !== null || (error ?? null) !== null || !Array.isArray(choices) || choices.length !== 1)
    return false
  const { finish_reason: finish, delta } = asRecord(choices[0])
  return finish === null && (asRecord(delta)['tool_calls'] ?? null) === null
}

function textOf({ choices }: Readonly<Record<string, unknown>>): unknown {
  return asRecord(asRecord(Array.isArray(choices) ? choices[0] : undefined)['delta'])['content']
}

const toLatin1 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1')

/** Whether the members before the choices are all that a chunk needs. */
function hasWholeHead(json: string): boolean {
  try {
    // A chunk of a vendor: JSON whose members are looked at here.
    const { id, object, created, model } = JSON.parse(json) as Record<string, unknown>
    return [id, object, model].every((member) => typeof member === 'string') && typeof created === 'number'
  } catch {
    return false
  }
}

function isOrdinary(event: string, from: number): boolean {
  const delta = event.indexOf(DELTA, from)
  return (
    delta !== -1 &&
    !event.includes(DELTA, delta + DELTA.length) &&
    event.includes('"finish_reason":null', from) &&
    event.includes('"index":', from) &&
    !TELLING.some((telling) => event.includes(telling, from)) &&
    event.indexOf('\n', from) === event.length - 2
  )
}
