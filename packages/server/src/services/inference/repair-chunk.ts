/**
 * Mends what sloppy vendors leave out of a chunk or a completion, so that strict clients can read every provider: missing
 * id, object, created, model or index, `choices: null`, tool-call deltas without an index.
 */
import { asRecord, isRecord } from '../../kernel/json-record.ts'

/** The two shapes of completions. */
export type CompletionShape = 'chat' | 'text'

/** What the missing fields of one reply are filled with. */
export interface RepairDefaults {
  readonly shape: CompletionShape
  readonly streamed: boolean
  readonly model: string
  /** Unix seconds. */
  readonly created: number
  /** Called at most once for each reply, when the vendor sent no id. */
  readonly newId: () => string
  /** Replaces the vendor's id whatever it was. */
  readonly overwriteId?: boolean
}

type Fields = Record<string, unknown>

/** Mends the pieces of one reply in order; it remembers the id and the tool calls seen so far. */
export class ReplyRepair {
  readonly #defaults: RepairDefaults
  #id: string | undefined
  /** For each choice: the ids of its tool calls, by index. */
  readonly #toolCalls = new Map<number, (string | undefined)[]>()

  constructor(defaults: RepairDefaults) {
    this.#defaults = defaults
  }

  /** Mends a piece in place. Whether anything was changed. */
  mend(piece: Fields): boolean {
    let changed = this.#mendHead(piece)
    const { choices } = piece
    if (!Array.isArray(choices)) {
      piece['choices'] = []
      return true
    }
    for (let position = 0; position < choices.length; position += 1) {
      if (!isRecord(choices[position])) choices[position] = {}
      if (this.#mendChoice(asRecord(choices[position]), position)) changed = true
    }
    return changed
  }

  #mendHead(piece: Fields): boolean {
    const { shape, streamed, model, created, overwriteId, newId } = this.#defaults
    let changed = false
    const fill = (key: string, value: unknown): void => {
      piece[key] = value
      changed = true
    }
    const { id } = piece
    if (overwriteId === true || typeof id !== 'string') fill('id', (this.#id ??= newId()))
    else if (id !== '') this.#id ??= id
    if (typeof piece['object'] !== 'string') fill('object', objectName(shape, streamed))
    if (typeof piece['created'] !== 'number') fill('created', created)
    if (typeof piece['model'] !== 'string') fill('model', model)
    return changed
  }

  #mendChoice(choice: Fields, position: number): boolean {
    let changed = false
    const fill = (key: string, value: unknown): void => {
      choice[key] = value
      changed = true
    }
    if (typeof choice['index'] !== 'number') fill('index', position)
    if (choice['finish_reason'] === undefined) fill('finish_reason', this.#defaults.streamed ? null : 'stop')
    if (this.#defaults.shape === 'text') {
      if (typeof choice['text'] !== 'string') fill('text', '')
      return changed
    }
    if (!this.#defaults.streamed) return this.#mendMessage(choice) || changed
    if (!isRecord(choice['delta'])) fill('delta', {})
    const { tool_calls: calls } = asRecord(choice['delta'])
    return (Array.isArray(calls) && this.#indexToolCalls(calls, Number(choice['index']))) || changed
  }

  #mendMessage(choice: Fields): boolean {
    let changed = false
    if (!isRecord(choice['message'])) {
      choice['message'] = { role: 'assistant', content: null }
      changed = true
    }
    const message = asRecord(choice['message'])
    if (typeof message['role'] !== 'string') {
      message['role'] = 'assistant'
      changed = true
    }
    // An empty list reads as "the model calls tools" to several clients; upstream's router says null too.
    if (Array.isArray(message['tool_calls']) && message['tool_calls'].length === 0) {
      message['tool_calls'] = null
      changed = true
    }
    return changed
  }

  /** A delta with a new id opens a call, one without an id continues the last. */
  #indexToolCalls(calls: readonly unknown[], choiceIndex: number): boolean {
    let changed = false
    const known = this.#toolCalls.get(choiceIndex) ?? []
    this.#toolCalls.set(choiceIndex, known)
    for (const entry of calls) {
      const call = asRecord(entry)
      const id = typeof call['id'] === 'string' && call['id'] !== '' ? call['id'] : undefined
      if (typeof call['index'] !== 'number') {
        const same = id === undefined ? known.length - 1 : known.indexOf(id)
        call['index'] = same === -1 ? known.length : same
        changed = true
      }
      const index = Number(call['index'])
      known[index] = id ?? known[index]
    }
    return changed
  }
}

function objectName(shape: CompletionShape, streamed: boolean): string {
  if (shape === 'text') return 'text_completion'
  return streamed ? 'chat.completion.chunk' : 'chat.completion'
}
