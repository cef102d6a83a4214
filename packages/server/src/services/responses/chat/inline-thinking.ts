/** Thoughts that a model writes into its answer: `<think>…</think>` at the beginning of the text. */

const OPENING = '<think>'
const CLOSING = '</think>'

interface Split {
  text(piece: string): void
  reasoning(piece: string): void
}

/** Tells thoughts from the answer, wherever the pieces are cut. A tag anywhere else is a part of the answer. */
export class InlineThinking {
  readonly #to: Split
  #state: 'before' | 'inside' | 'behind' | 'answer' = 'before'
  /** What may be the beginning of a tag, or white space around one. */
  #held = ''

  constructor(to: Split) {
    this.#to = to
  }

  /** Whether all that follows is the answer. */
  get isOver(): boolean {
    return this.#state === 'answer'
  }

  add(piece: string): void {
    this.#held += piece
    if (this.#state === 'before') this.#findOpening()
    if (this.#state === 'inside') this.#findClosing()
    if (this.#state === 'behind') this.#skipSpace()
    if (this.#state === 'answer') this.#flush((text) => this.#to.text(text))
  }

  /** Lets go of what was held. */
  end(): void {
    if (this.#state === 'inside') this.#flush((text) => this.#to.reasoning(text))
    else if (this.#state === 'before') this.#flush((text) => this.#to.text(text))
  }

  #findOpening(): void {
    const begun = this.#held.trimStart()
    if (begun.startsWith(OPENING)) {
      this.#held = begun.slice(OPENING.length)
      this.#state = 'inside'
    } else if (!OPENING.startsWith(begun)) this.#state = 'answer'
  }

  #findClosing(): void {
    const at = this.#held.indexOf(CLOSING)
    const end = at === -1 ? this.#held.length - tagStart(this.#held) : at
    const thought = this.#held.slice(0, end)
    if (thought !== '') this.#to.reasoning(thought)
    this.#held = this.#held.slice(at === -1 ? end : end + CLOSING.length)
    if (at !== -1) this.#state = 'behind'
  }

  #skipSpace(): void {
    this.#held = this.#held.trimStart()
    if (this.#held !== '') this.#state = 'answer'
  }

  #flush(to: (text: string) => void): void {
    const text = this.#held
    this.#held = ''
    if (text !== '') to(text)
  }
}

/** How many of the last characters may begin the closing tag. */
function tagStart(text: string): number {
  for (let length = Math.min(CLOSING.length - 1, text.length); length > 0; length -= 1) {
    if (CLOSING.startsWith(text.slice(-length))) return length
  }
  return 0
}
