/**
 * Calls of tools from the fragments that vendors stream them in. OpenAI numbers the calls and sends id and name once; of
 * others the numbers are missing, begin at 1 or are all 0, ids are missing or repeated, names come twice, arguments come
 * whole, as an object, or before the name.
 */
import { asRecord } from '../../../kernel/json-record.ts'
import type { ToolCallPiece } from './chat-delta-sink.ts'

type Emit = (index: number, piece: ToolCallPiece) => void

interface Call {
  readonly index: number
  /** What the vendor calls it. */
  id: string | undefined
  /** Known once the call was told. */
  name: string | undefined
  arguments: string
  /** What is kept until the name is known. */
  extra: Record<string, unknown> | undefined
}

/** What one fragment says. */
interface Fragment {
  readonly number: number | undefined
  readonly id: string | undefined
  readonly name: string | undefined
  readonly text: string
}

/** Puts the fragments of one turn together. */
export class ToolCallFragments {
  readonly #emit: Emit
  readonly #newId: () => string
  readonly #calls: Call[] = []
  /** The call that a vendor's number stands for at the moment. */
  readonly #numbered = new Map<number, Call>()

  constructor(emit: Emit, newId: () => string) {
    this.#emit = emit
    this.#newId = newId
  }

  add(piece: unknown): void {
    const { index, id, type: _type, function: called, ...extra } = asRecord(piece)
    const { name, arguments: given } = asRecord(called)
    const fragment: Fragment = {
      number: typeof index === 'number' ? index : undefined,
      id: textOrAbsent(id),
      name: textOrAbsent(name),
      text: toArgumentsText(given),
    }
    const call = this.#find(fragment) ?? this.#open(fragment.number)
    call.id ??= fragment.id
    if (call.name === undefined) this.#begin(call, fragment, extra)
    else this.#continue(call, fragment.text, extra)
  }

  /** A call that never got a name is told without one, so that the model can be told. */
  end(): void {
    for (const call of this.#calls) if (call.name === undefined) this.#tell(call, '')
  }

  #find(fragment: Fragment): Call | undefined {
    const { id, number } = fragment
    const known = id === undefined ? undefined : this.#calls.find((call) => call.id === id)
    if (known !== undefined) return known
    const current = number === undefined ? this.#calls.at(-1) : this.#numbered.get(number)
    return current === undefined || beginsAnother(current, fragment) ? undefined : current
  }

  #open(number: number | undefined): Call {
    const call: Call = { index: this.#calls.length, id: undefined, name: undefined, arguments: '', extra: undefined }
    this.#calls.push(call)
    if (number !== undefined) this.#numbered.set(number, call)
    return call
  }

  #begin(call: Call, { name, text }: Fragment, extra: Record<string, unknown>): void {
    call.arguments += text
    if (!isEmpty(extra)) call.extra = { ...call.extra, ...extra }
    if (name !== undefined) this.#tell(call, name)
  }

  #tell(call: Call, name: string): void {
    call.name = name
    const { id = this.#newId(), arguments: text, extra } = call
    this.#emit(call.index, { id, name, arguments: text, ...(extra === undefined ? {} : { extra }) })
  }

  #continue(call: Call, text: string, extra: Record<string, unknown>): void {
    // Some vendors end with the whole call once more.
    const added = text.startsWith('{') && text === call.arguments ? '' : text
    call.arguments += added
    const hasExtra = !isEmpty(extra)
    if (added !== '' || hasExtra) this.#emit(call.index, { arguments: added, ...(hasExtra ? { extra } : {}) })
  }
}

/** Whether a fragment that could continue a call begins the next one. */
function beginsAnother(call: Call, { number, id, name, text }: Fragment): boolean {
  if (id !== undefined && call.id !== undefined) return true
  if (name === undefined || call.name === undefined) return false
  if (name !== call.name) return true
  // The same name behind whole arguments is a second call; a vendor that repeats names does so before.
  const isRepeat = text === '' || (text === call.arguments && number !== undefined)
  return !isRepeat && isWholeJson(call.arguments)
}

function isWholeJson(text: string): boolean {
  if (!text.endsWith('}')) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function toArgumentsText(given: unknown): string {
  if (typeof given === 'string') return given
  return given === undefined || given === null ? '' : JSON.stringify(given)
}

function textOrAbsent(of: unknown): string | undefined {
  return typeof of === 'string' && of !== '' ? of : undefined
}

function isEmpty(members: Record<string, unknown>): boolean {
  for (const _name in members) return false
  return true
}
