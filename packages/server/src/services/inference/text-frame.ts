/**
 * What stands around the text of a chunk: events that nearly all of a stream consists of are alike but for that text, so that
 * the others of one that was parsed need not be.
 */
import { asRecord } from '../../kernel/json-record.ts'

type Fields = Readonly<Record<string, unknown>>

/** An event of one `data:` line up to its text, and from the quote behind the text on, its blank line included. */
export interface TextFrame {
  readonly before: string
  readonly after: string
  /** From behind the text of one event up to the text of the next. */
  readonly between: string
}

export interface FramedChunk extends Omit<TextFrame, 'between'> {
  /** The choice that the text is of, and the member of its delta. */
  readonly choice: number
  readonly member: string
}

/** The frame of an event whose one choice adds text and tells nothing else. `chunk` is the event, parsed. */
export function findFrame(event: string, chunk: Fields): FramedChunk | undefined {
  const member = findText(chunk)
  if (member === undefined) return undefined
  const name = `"${member}":"`
  const from = event.indexOf(name) + name.length
  const quote = event.indexOf('"', from)
  // A text with escapes is another one than its JSON, and another member may have the same name.
  if (event.slice(from, quote) !== deltaOf(chunk)[member] || event.includes(name, quote)) return undefined
  return { before: event.slice(0, from), after: event.slice(quote), choice: indexOf(chunk), member }
}

/** Events of one frame in a row. */
export interface FramedTexts {
  /** As JSON has them. At least one. */
  readonly texts: string[]
  /** Where the first other event begins. */
  readonly end: number
}

/**
 * The events from `start` on that have this frame; undefined where the first is another one. A text that has quotes of its
 * own is none of it: the first has a backslash before it, and what follows is no frame.
 */
export function findTexts(events: string, start: number, frame: TextFrame): FramedTexts | undefined {
  const { before, after, between } = frame
  let from = start + before.length
  // Four times as fast as `startsWith`, which compares character by character.
  if (events.slice(start, from) !== before) return undefined
  const texts: string[] = []
  for (;;) {
    const quote = events.indexOf('"', from)
    const next = quote + between.length
    const isLast = events.slice(quote, next) !== between
    if (quote === -1 || (isLast && events.slice(quote, quote + after.length) !== after)) break
    texts.push(events.slice(from, quote))
    if (isLast) return { texts, end: quote + after.length }
    from = next
  }
  return texts.length === 0 ? undefined : { texts, end: from - before.length }
}

/** The one member of the one choice's delta that says something, if it is a text: the answer, a thought, a refusal. */
function findText(chunk: Fields): string | undefined {
  const { choices, usage, error } = chunk
  if ((usage ?? null) !== null || (error ?? null) !== null || !Array.isArray(choices) || choices.length !== 1)
    return undefined
  const { finish_reason: finish, logprobs } = firstChoice(chunk)
  if ((finish ?? null) !== null || (logprobs ?? null) !== null) return undefined
  const telling = Object.entries(deltaOf(chunk)).filter(([name, member]) => name !== 'role' && !isEmpty(member))
  const [name, member] = telling[0] ?? []
  return telling.length === 1 && typeof member === 'string' ? name : undefined
}

const isEmpty = (member: unknown): boolean =>
  member === null || member === '' || (Array.isArray(member) && member.length === 0)

const firstChoice = ({ choices }: Fields): Fields => asRecord(Array.isArray(choices) ? choices[0] : undefined)

const deltaOf = (chunk: Fields): Fields => asRecord(firstChoice(chunk)['delta'])

function indexOf(chunk: Fields): number {
  const { index } = firstChoice(chunk)
  return typeof index === 'number' ? index : 0
}
