/** Thoughts that a model writes into its answer: `<think>…</think>` at the beginning of the text. */
import type { LogProb } from '@llama-stack/api'

const OPENING = '<think>'
const CLOSING = '</think>'

interface Split {
  text(piece: string, logprobs?: readonly LogProb[]): void
  reasoning(piece: string): void
}

/** Tells thoughts from the answer, wherever the pieces are cut. A tag anywhere else is a part of the answer. */
export class InlineThinking {
  readonly #to: Split
  #state: 'before' | 'inside' | 'behind' | 'answer' = 'before'
  /** What may be the beginning of a tag, or white space around one. */
  #held = ''
  /** Of what is held. */
  #logprobs: readonly LogProb[] = []

  constructor(to: Split) {
    this.#to = to
  }

  /** Whether all that follows is the answer. */
  get isOver(): boolean {
    return this.#state === 'answer'
  }

  add(piece: string, logprobs: readonly LogProb[] = []): void {
    this.#held += piece
    this.#logprobs = this.#state === 'before' ? [...this.#logprobs, ...logprobs] : logprobs
    if (this.#state === 'before') this.#findOpening()
    if (this.#state === 'inside') this.#findClosing()
    if (this.#state === 'behind') this.#skipSpace()
    if (this.#state === 'answer') this.#say()
  }

  /** Lets go of what was held: something else follows, or nothing. */
  release(): void {
    if (this.#state === 'inside') {
      const thought = this.#take()
      if (thought !== '') this.#to.reasoning(thought)
    } else if (this.#state === 'before') this.#say()
  }

  #findOpening(): void {
    const begun = this.#held.trimStart()
    if (begun.startsWith(OPENING)) {
      this.#held = begun.slice(OPENING.length)
      this.#logprobs = []
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

  #say(): void {
    const logprobs = this.#logprobs
    const text = this.#take()
    if (text !== '') this.#to.text(text, logprobs.length === 0 ? undefined : logprobs)
  }

  #take(): string {
    const text = this.#held
    this.#held = ''
    this.#logprobs = []
    return text
  }
}

/** How many of the last characters may begin the closing tag. */
function tagStart(text: string): number {
  for (let length = Math.min(CLOSING.length - 1, text.length); length > 0; length -= 1) {
    if (CLOSING.startsWith(text.slice(-length))) return length
  }
  return 0
}
