/**
 * The way past the parser for the chunks that nearly all of a stream consists of: one choice, some text, nothing else.
 * They begin alike up to their choices, so a chunk that begins like one that was parsed needs no repair and tells nothing
 * new; only the name of the model may have to change. Parsing each costs more than all the rest that is done for it.
 */
import type { ModelRenamer } from './rename-model.ts'

const CHOICES = '"choices":['
const DELTA = '"delta":{'

/**
 * What makes a chunk worth a closer look. Within a JSON string every quote is escaped, so that none of these can be part of
 * the model's text.
 */
const TELLING = ['"tool_calls":[', '"usage":{', '"error":'] as const

/** Vendors whose chunks do not begin alike are given up on. */
const MAX_LESSONS = 8

export class ChunkShortcut {
  readonly #rename: ModelRenamer | undefined
  #head: string | undefined
  #renamedHead = ''
  #lessons = 0

  constructor(rename: ModelRenamer | undefined) {
    this.#rename = rename
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
    this.#head = event.slice(0, end)
    this.#renamedHead = `data: ${renamed.slice(0, -2)}`
  }
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
