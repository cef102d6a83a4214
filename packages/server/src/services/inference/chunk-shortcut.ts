/**
 * The way past the parser for the chunks that nearly all of a stream consists of: one choice, some text, nothing else.
 * They begin alike up to their choices, so a chunk that begins like one that was parsed needs no repair and tells nothing
 * new; only the name of the model may have to change. Parsing each costs more than all the rest that is done for it.
 */
import { toLatin1 } from '../../kernel/latin1.ts'
import type { ModelRenamer } from './rename-model.ts'
import { findFrame, findTexts } from './text-frame.ts'
import type { FramedChunk, TextFrame } from './text-frame.ts'

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

export class ChunkShortcut {
  readonly #rename: ModelRenamer | undefined
  #head: string | undefined
  #renamedHead = ''
  #frame: Frame | undefined
  /** Events that no frame passed. */
  #looked = 0
  #lessonAt = 1
  #untilNext = 1

  constructor(rename: ModelRenamer | undefined) {
    this.#rename = rename
  }

  /** The events from `start` on that are the learned one but for their text; undefined where the first is another one. */
  findRun(events: string, start: number): Run | undefined {
    const frame = this.#frame
    const found = frame === undefined ? undefined : findTexts(events, start, frame)
    return frame === undefined || found === undefined ? undefined : { frame, texts: found.texts, end: found.end }
  }

  /** What is relayed for an event, its blank line included; undefined where it has to be parsed. */
  relay(event: string): string | undefined {
    this.#looked += 1
    const head = this.#head
    if (head === undefined || this.#looked >= this.#lessonAt) return undefined
    if (!event.startsWith(head) || !isOrdinary(event, head.length)) return undefined
    return head === this.#renamedHead ? event : this.#renamedHead + event.slice(head.length)
  }

  /**
   * Learns from an event of one plain `data:` line that was parsed and needed no repair. The first event of a stream has
   * no text yet, and thoughts have another frame than the answer: what is learnt is tried again, each time after twice as
   * many events, so that a vendor whose chunks do not resemble each other costs next to nothing.
   */
  learn(event: string, piece: Readonly<Record<string, unknown>>): void {
    if (this.#looked < this.#lessonAt) return
    this.#lessonAt = this.#looked + this.#untilNext
    this.#untilNext *= 2
    const isKnown = this.#head !== undefined && event.startsWith(this.#head)
    if (isKnown || this.#learnHead(event, piece)) this.#frame = this.#toFrame(event, piece) ?? this.#frame
  }

  /** Whether the event has a head to go by. */
  #learnHead(event: string, piece: Readonly<Record<string, unknown>>): boolean {
    const end = event.indexOf(CHOICES) + CHOICES.length
    if (end < CHOICES.length) return false
    const json = `${event.slice('data: '.length, end)}]}`
    if (!hasWholeHead(json)) return false
    const renamed = this.#rename?.(json, piece) ?? json
    this.#head = toLatin1(event.slice(0, end))
    this.#renamedHead = toLatin1(`data: ${renamed.slice(0, -2)}`)
    return true
  }

  #toFrame(event: string, piece: Readonly<Record<string, unknown>>): Frame | undefined {
    const framed = findFrame(event, piece)
    if (framed === undefined) return undefined
    const { choice, member } = framed
    const before = toLatin1(framed.before)
    const after = toLatin1(framed.after)
    const learned = around(before, after)
    const head = this.#head ?? ''
    const renamed = head === this.#renamedHead ? learned : around(this.#renamedHead + before.slice(head.length), after)
    return { choice, member, ...learned, renamed }
  }
}

/** Through bytes, because V8 puts a text that was added up together again at each comparison. */
function around(before: string, after: string): TextFrame {
  return { before, after, between: Buffer.from(after + before, 'latin1').toString('latin1') }
}

/** An event around its text, in Latin-1: as it comes and as it goes. */
export interface Frame extends TextFrame, Pick<FramedChunk, 'choice' | 'member'> {
  readonly renamed: TextFrame
}

/** Events of one frame in a row, as JSON has their texts, and where the first other event begins. */
export interface Run {
  readonly frame: Frame
  readonly texts: readonly string[]
  readonly end: number
}

/** The events of a run as they go on. Added piece by piece: a list that is joined takes half as long again. */
export function toEvents({ frame: { renamed }, texts }: Run): string {
  let events = renamed.before
  let gap = ''
  for (const text of texts) {
    events += gap + text
    gap = renamed.between
  }
  return events + renamed.after
}

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
