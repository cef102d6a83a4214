/** The reasoning in a message or a piece of one, in all the field's spellings. */
import { asRecord, isRecord } from '../../../kernel/json-record.ts'

type Fields = Readonly<Record<string, unknown>>

/** Plain texts, the most common first. Vendors that send several send the same in each. */
const TEXT_FIELDS = ['reasoning_content', 'reasoning', 'reasoning_text', 'thinking'] as const

/** What can be read of the reasoning; the empty text where there is none. */
export function reasoningOf(delta: Fields): string {
  for (const field of TEXT_FIELDS) {
    const found = delta[field]
    if (typeof found === 'string' && found !== '') return found
  }
  const { reasoning_details: details } = delta
  return Array.isArray(details) ? details.map(textOfDetail).join('') : ''
}

/** OpenRouter: `reasoning.text`, `reasoning.summary`, and `reasoning.encrypted`, which has nothing to read. */
function textOfDetail(detail: unknown): string {
  const { text, summary } = asRecord(detail)
  if (typeof text === 'string') return text
  return typeof summary === 'string' ? summary : ''
}

/** Text and thoughts of content that is a list of parts; Mistral's reasoning models send it so. */
export function readContentParts(parts: readonly unknown[]): { readonly text: string; readonly reasoning: string } {
  let text = ''
  let reasoning = ''
  for (const part of parts) {
    const { type, thinking, text: said } = asRecord(part)
    if (type === 'thinking') reasoning += joinTexts(thinking)
    else text += joinTexts(said)
  }
  return { text, reasoning }
}

function joinTexts(of: unknown): string {
  if (typeof of === 'string') return of
  return Array.isArray(of) ? of.map((part: unknown) => joinTexts(asRecord(part)['text'])).join('') : ''
}

/** Members of a detail that grow from piece to piece. */
const GROWING = ['text', 'summary', 'data'] as const

/** Collects the details of one turn as a vendor wants them back: one entry for each, not one for each piece. */
export class ReasoningDetails {
  readonly #details: Record<string, unknown>[] = []

  add(pieces: readonly unknown[]): void {
    for (const piece of pieces) {
      if (!isRecord(piece)) continue
      const { index, type } = piece
      const known = this.#details.find((detail) => detail['type'] === type && detail['index'] === index)
      if (known === undefined || index === undefined) this.#details.push({ ...piece })
      else grow(known, piece)
    }
  }

  get entries(): readonly Fields[] {
    return this.#details
  }
}

function grow(detail: Record<string, unknown>, piece: Fields): void {
  for (const [name, value] of Object.entries(piece)) {
    if (value === null || value === undefined) continue
    const before = detail[name]
    const isGrowing = GROWING.some((growing) => growing === name)
    detail[name] = isGrowing && typeof before === 'string' && typeof value === 'string' ? before + value : value
  }
}
