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

  /**
   * The events from `start` on that are the learned one but for their text; undefined where the first is another one. A
   * text that has quotes of its own is left to the others, so that the first quote is its end.
   */
  findRun(events: string, start: number): Run | undefined {
    const frame = this.#frame
    if (frame === undefined) return undefined
    const { before, after } = frame
    const texts: string[] = []
    let end = start
    for (;;) {
      const from = end + before.length
      // Four times as fast as `startsWith`, which compares character by character.
      if (events.slice(end, from) !== before) break
      const quote = events.indexOf('"', from)
      if (quote === -1 || events.slice(quote, quote + after.length) !== after) break
      texts.push(events.slice(from, quote))
      end = quote + after.length
    }
    return texts.length === 0 ? undefined : { frame, texts, end }
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
    const end = event.indexOf(CHOICES) + CHOICES.length
    if (end < CHOICES.length) return
    const json = `${event.slice('data: '.length, end)}]}`
    if (!hasWholeHead(json)) return
    const renamed = this.#rename?.(json, piece) ?? json
    this.#head = toLatin1(event.slice(0, end))
    this.#renamedHead = toLatin1(`data: ${renamed.slice(0, -2)}`)
    this.#frame = findFrame(event, piece, this.#rename) ?? this.#frame
  }
}

/** An event around its text, in Latin-1: as it comes and as it goes. */
export interface Frame {
  readonly before: string
  readonly after: string
  readonly renamedBefore: string
  readonly renamedAfter: string
}

/** Events of one frame in a row, as JSON has their texts, and where the first other event begins. */
export interface Run {
  readonly frame: Frame
  readonly texts: readonly string[]
  readonly end: number
}

/** The events of a run as they go on, in one text that nobody has to flatten. */
export function toEvents({ frame: { renamedBefore, renamedAfter }, texts }: Run): string {
  const first = renamedBefore + (texts[0] ?? '')
  if (texts.length === 1) return first + renamedAfter
  const last = (texts.at(-1) ?? '') + renamedAfter
  return [first, ...texts.slice(1, -1), last].join(renamedAfter + renamedBefore)
}

/** Stands for the text of an event. No vendor's chunk has it anywhere. */
const MARK = '\u2063llama\u2063'

/** The frame of an event whose one choice adds text and tells nothing else. */
function findFrame(event: string, piece: Readonly<Record<string, unknown>>, rename?: ModelRenamer): Frame | undefined {
  const member = findText(piece)
  if (member === undefined || TELLING.some((telling) => event.includes(telling))) return undefined
  const from = event.indexOf(`"${member}":"`) + member.length + 4
  const quote = event.indexOf('"', from)
  if (quote <= from || event.slice(from, quote).includes('\\')) return undefined
  const marked = event.slice('data: '.length, from) + MARK + event.slice(quote, -2)
  const parsed = JSON.parse(marked) as Readonly<Record<string, unknown>> // the event was parsed before, with another text
  // Another member may have the same name.
  if (deltaOf(parsed)[member] !== MARK) return undefined
  const [renamedBefore, renamedAfter, ...others] = (rename?.(marked, parsed) ?? marked).split(MARK)
  if (renamedBefore === undefined || renamedAfter === undefined || others.length > 0) return undefined
  return {
    before: toLatin1(event.slice(0, from)),
    after: toLatin1(event.slice(quote)),
    renamedBefore: toLatin1(`data: ${renamedBefore}`),
    renamedAfter: toLatin1(`${renamedAfter}\n\n`),
  }
}

/** The one member of the one choice's delta that says something, if it is a text: the answer, a thought, a refusal. */
function findText(piece: Readonly<Record<string, unknown>>): string | undefined {
  const { choices, usage, error } = piece
  if ((usage ?? null) !== null || (error ?? null) !== null || !Array.isArray(choices) || choices.length !== 1)
    return undefined
  const { finish_reason: finish, logprobs } = asRecord(choices[0])
  if (finish !== null || (logprobs ?? null) !== null) return undefined
  const telling = Object.entries(deltaOf(piece)).filter(([name, member]) => name !== 'role' && !isEmpty(member))
  const [name, member] = telling[0] ?? []
  return telling.length === 1 && typeof member === 'string' ? name : undefined
}

const isEmpty = (member: unknown): boolean =>
  member === null || member === '' || (Array.isArray(member) && member.length === 0)

function deltaOf({ choices }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return asRecord(asRecord(Array.isArray(choices) ? choices[0] : undefined)['delta'])
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
