/** What a model thinks before it answers: its own words, and a summary of them where one was asked for. */
import { toDeltaHead } from './event-writer.ts'
import type { EndStatus } from './message-writer.ts'
import type { Item, Output, Place } from './output.ts'

interface TextPart {
  readonly type: 'reasoning_text' | 'summary_text'
  text: string
}

export class ReasoningWriter {
  readonly #output: Output
  readonly #id: string
  readonly #place: Place
  readonly #summary: TextPart[] = []
  #part: TextPart | undefined
  #head: string | undefined
  /** What only the server can read, for a client that keeps the conversation itself. */
  #sealed: string | undefined

  constructor(output: Output, id: string) {
    this.#output = output
    this.#id = id
    this.#place = output.open(this.#snapshot('in_progress'), { abandon: () => this.close('incomplete') })
  }

  get text(): string {
    return this.#part?.text ?? ''
  }

  addText(piece: string): void {
    const part = (this.#part ??= this.#openPart())
    part.text += piece
    if (this.#head !== undefined) this.#output.events.delta(this.#head, piece)
  }

  /** Adds a part of the summary, whole. */
  addSummary(text: string): void {
    this.#closePart()
    const { events } = this.#output
    const part: TextPart = { type: 'summary_text', text: '' }
    const where = { ...this.#place, summary_index: this.#summary.push(part) - 1 }
    events.emit('response.reasoning_summary_part.added', { ...where, part })
    part.text = text
    events.delta(toDeltaHead('response.reasoning_summary_text.delta', where), text)
    events.emit('response.reasoning_summary_text.done', { ...where, text })
    events.emit('response.reasoning_summary_part.done', { ...where, part })
  }

  seal(sealed: string): void {
    this.#sealed = sealed
  }

  close(status: EndStatus): void {
    this.#closePart()
    this.#output.close(this.#place, this.#snapshot(status))
  }

  #snapshot(status: string): Item {
    return {
      id: this.#id,
      type: 'reasoning',
      status,
      summary: this.#summary,
      content: this.#part === undefined ? [] : [this.#part],
      // Open Responses wants a text, or nothing.
      ...(this.#sealed !== undefined && { encrypted_content: this.#sealed }),
    }
  }

  #openPart(): TextPart {
    const part: TextPart = { type: 'reasoning_text', text: '' }
    const where = { ...this.#place, content_index: 0 }
    this.#output.events.emit('response.content_part.added', { ...where, part })
    this.#head = toDeltaHead('response.reasoning_text.delta', where)
    return part
  }

  #closePart(): void {
    if (this.#head === undefined || this.#part === undefined) return
    this.#head = undefined
    const where = { ...this.#place, content_index: 0 }
    this.#output.events.emit('response.reasoning_text.done', { ...where, text: this.#part.text })
    this.#output.events.emit('response.content_part.done', { ...where, part: this.#part })
  }
}

/** Tells of finished reasoning as if it came in now. */
export function replayReasoning(output: Output, item: Item): void {
  const writer = new ReasoningWriter(output, item.id)
  for (const { text } of toParts(item['content'])) writer.addText(text)
  for (const { text } of toParts(item['summary'])) writer.addSummary(text)
  if (typeof item['encrypted_content'] === 'string') writer.seal(item['encrypted_content'])
  writer.close(item['status'] === 'incomplete' ? 'incomplete' : 'completed')
}

function toParts(of: unknown): readonly TextPart[] {
  return Array.isArray(of) ? (of as readonly TextPart[]) : []
}
