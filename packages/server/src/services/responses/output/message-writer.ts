/** A message of the assistant: text and refusals as they come in, with annotations and log probabilities. */
import { toDeltaHead } from './event-writer.ts'
import type { Item, Output, Place } from './output.ts'

/** How an item ended. */
export type EndStatus = 'completed' | 'incomplete'

interface TextPart {
  readonly type: 'output_text'
  text: string
  readonly annotations: object[]
  readonly logprobs: object[]
}

interface RefusalPart {
  readonly type: 'refusal'
  refusal: string
}

interface OpenPart<Part> {
  readonly part: Part
  readonly where: Place & { readonly content_index: number }
  readonly head: string
}

export class MessageWriter {
  readonly #output: Output
  readonly #id: string
  readonly #place: Place
  readonly #content: (TextPart | RefusalPart)[] = []
  /** At most one of the two is open. */
  #text: OpenPart<TextPart> | undefined
  #refusal: OpenPart<RefusalPart> | undefined

  constructor(output: Output, id: string) {
    this.#output = output
    this.#id = id
    this.#place = output.open(this.#snapshot('in_progress'), { abandon: () => this.close('incomplete') })
  }

  /** The text so far. */
  get text(): string {
    return this.#content.map((part) => (part.type === 'output_text' ? part.text : '')).join('')
  }

  addText(piece: string, logprobs: readonly object[] = []): void {
    const { part, head } = (this.#text ??= this.#openText())
    part.text += piece
    const { events } = this.#output
    if (logprobs.length === 0) {
      events.delta(head, piece, EMPTY_LOGPROBS)
      return
    }
    part.logprobs.push(...logprobs)
    events.delta(head, piece, `,"logprobs":${JSON.stringify(logprobs)}`)
  }

  /** The same for pieces that came together, at least one. */
  addTexts(pieces: readonly string[]): void {
    const { part, head } = (this.#text ??= this.#openText())
    part.text += pieces.join('')
    this.#output.events.deltas(head, pieces, EMPTY_LOGPROBS)
  }

  addRefusal(piece: string): void {
    const { part, head } = (this.#refusal ??= this.#openRefusal())
    part.refusal += piece
    this.#output.events.delta(head, piece)
  }

  /** Adds an annotation to the text; begins one where there is none. */
  annotate(annotation: object): void {
    const { part, where } = (this.#text ??= this.#openText())
    part.annotations.push(annotation)
    this.#output.events.emit('response.output_text.annotation.added', {
      ...where,
      annotation_index: part.annotations.length - 1,
      annotation,
    })
  }

  close(status: EndStatus): void {
    this.#closePart()
    this.#output.close(this.#place, this.#snapshot(status))
  }

  #snapshot(status: string): Item {
    return { id: this.#id, type: 'message', status, role: 'assistant', content: this.#content }
  }

  #openText(): OpenPart<TextPart> {
    return this.#begin({ type: 'output_text', text: '', annotations: [], logprobs: [] }, 'response.output_text.delta')
  }

  #openRefusal(): OpenPart<RefusalPart> {
    return this.#begin({ type: 'refusal', refusal: '' }, 'response.refusal.delta')
  }

  #begin<Part extends TextPart | RefusalPart>(part: Part, deltaType: string): OpenPart<Part> {
    this.#closePart()
    const where = { ...this.#place, content_index: this.#content.push(part) - 1 }
    this.#output.events.emit('response.content_part.added', { ...where, part })
    return { part, where, head: toDeltaHead(deltaType, where) }
  }

  #closePart(): void {
    const { events } = this.#output
    const open = this.#text ?? this.#refusal
    if (open === undefined) return
    this.#text = undefined
    this.#refusal = undefined
    const { part, where } = open
    if (part.type === 'refusal') events.emit('response.refusal.done', { ...where, refusal: part.refusal })
    else events.emit('response.output_text.done', { ...where, text: part.text, logprobs: part.logprobs })
    events.emit('response.content_part.done', { ...where, part })
  }
}

const EMPTY_LOGPROBS = ',"logprobs":[]'

/** Tells of a finished message as if it came in now, each part in one piece. */
export function replayMessage(output: Output, item: Item): void {
  const writer = new MessageWriter(output, item.id)
  const content = Array.isArray(item['content']) ? (item['content'] as readonly (TextPart | RefusalPart)[]) : []
  for (const part of content) {
    if (part.type === 'refusal') writer.addRefusal(part.refusal)
    else {
      writer.addText(part.text, part.logprobs)
      for (const annotation of part.annotations) writer.annotate(annotation)
    }
  }
  writer.close(item['status'] === 'incomplete' ? 'incomplete' : 'completed')
}
