/** From texts to the token ids of one model: its special tokens around them, cut to what it can take. */
import type { Tokenizer } from '@huggingface/tokenizers'

/** What a model is fed for one text or one pair of texts. */
export interface TokenSequence {
  readonly ids: readonly number[]
  /** 0 for the first text, 1 for the second, where the model tells them apart; else 0. */
  readonly types: readonly number[]
}

/** The texts' own tokens, without special tokens. */
export type Contents =
  | readonly [first: readonly number[]]
  | readonly [first: readonly number[], second: readonly number[]]

/** Where the texts stand between the special tokens. */
type Slot = { readonly text: 0 | 1; readonly type: number } | { readonly id: number; readonly type: number }

/** What stands for the texts where the template is asked about: no vocabulary has such tokens. */
const PLACES = Object.freeze(['\u0000first', '\u0000second'])

/** Text beyond this many for each token is not looked at: it would be cut off, and a tokeniser takes seconds for megabytes. */
const CHARACTERS_PER_TOKEN = 64

/** The tokeniser of a model, with its special tokens. */
export class ModelTokenizer {
  readonly #tokenizer: Tokenizer
  readonly #single: readonly Slot[]
  readonly #pair: readonly Slot[]
  /** What fills up the shorter texts of a batch. */
  readonly paddingId: number

  constructor(tokenizer: Tokenizer, paddingToken: string | undefined) {
    this.#tokenizer = tokenizer
    this.#single = toSlots(tokenizer, 1)
    this.#pair = toSlots(tokenizer, 2)
    this.paddingId = (paddingToken === undefined ? undefined : tokenizer.token_to_id(paddingToken)) ?? 0
  }

  /** How many special tokens go before a text. */
  get leading(): number {
    return this.#single.findIndex((slot) => 'text' in slot)
  }

  /** The tokens of a text without special tokens around it, about as many as `maxTokens` at least. */
  cut(text: string, maxTokens: number): number[] {
    const read = text.slice(0, maxTokens * CHARACTERS_PER_TOKEN)
    return this.#tokenizer.encode(read, { add_special_tokens: false }).ids
  }

  /** The id of a token, as the vocabulary spells it. */
  findId(token: string): number | undefined {
    return this.#tokenizer.token_to_id(token)
  }

  /** Puts the special tokens around one text or two, and cuts so that the whole has at most `maxTokens`. */
  assemble(contents: Contents, maxTokens: number): TokenSequence {
    const slots = contents.length === 1 ? this.#single : this.#pair
    const room = Math.max(0, maxTokens - slots.filter((slot) => 'id' in slot).length)
    const [firstLength, secondLength] = toLengths(contents, room)
    const cut = [contents[0].slice(0, firstLength), contents[1]?.slice(0, secondLength) ?? []] as const
    const ids: number[] = []
    const types: number[] = []
    for (const slot of slots) {
      const added = 'id' in slot ? [slot.id] : cut[slot.text]
      for (const id of added) {
        ids.push(id)
        types.push(slot.type)
      }
    }
    return { ids, types }
  }
}

/** How many tokens of each text stay: what is too much is taken off the longer one (`longest_first`). */
function toLengths([first, second = []]: Contents, room: number): [number, number] {
  if (first.length + second.length <= room) return [first.length, second.length]
  const half = Math.floor(room / 2)
  const shorter = Math.min(first.length, second.length, half)
  const longer = room - shorter
  return first.length > second.length ? [longer, shorter] : [shorter, longer]
}

/** Asks the model's own template where the special tokens go. */
function toSlots(tokenizer: Tokenizer, texts: 1 | 2): Slot[] {
  const places = PLACES.slice(0, texts)
  const processor = tokenizer.post_processor
  const [first = '', second] = places
  const processed = processor?.post_process([first], second && [second], true) ?? { tokens: places }
  const { tokens, tokens_pair: rest = [], token_type_ids: types = [] } = processed
  return [...tokens, ...(rest ?? [])].map((token, index) => {
    const type = types[index] ?? 0
    if (token === PLACES[0]) return { text: 0, type }
    if (token === PLACES[1]) return { text: 1, type }
    // Special tokens are in the vocabulary that the same file holds.
    return { id: tokenizer.token_to_id(token) ?? 0, type }
  })
}
