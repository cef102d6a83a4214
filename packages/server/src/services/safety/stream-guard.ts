/** Judges an answer while it is written, and lets go of what no shield can object to any more. */
import { bug } from '@llama-stack/api'
import type { GrowingTextCheck, ProviderCall, ShieldVerdict } from '@llama-stack/api'
import type { GuardrailHit, Jury } from './jury.ts'
import type { ReadyShield } from './shield-book.ts'

/** Judges a streamed answer. A call is made when the one before has been answered. */
export interface OutputGuard {
  /** Gives the next piece; what may be shown now, or why nothing more may. Immediate where every shield reads streams. */
  add(piece: string): string | GuardrailHit | Promise<string | GuardrailHit>
  /** Tells that nothing follows; the rest of the text, or why it may not be shown. */
  end(): string | GuardrailHit | Promise<string | GuardrailHit>
}

/** A model is asked when so many characters are new; upstream asks as often. */
const WINDOW_CHARS = 200
/** What it is shown again, so that it sees what runs over the border of two windows. */
const OVERLAP_CHARS = 200

export interface StreamGuardOptions {
  readonly shields: readonly ReadyShield[]
  readonly jury: Jury
  readonly cumulative: boolean
  readonly call: ProviderCall
}

interface OpenCheck {
  readonly shieldId: string
  readonly check: GrowingTextCheck
}

/** Shields that read streams see each character once; of the others, each window of text is asked for once. */
export class StreamGuard implements OutputGuard {
  readonly #options: StreamGuardOptions
  readonly #checks: readonly OpenCheck[]
  /** Shields that judge whole texts only. */
  readonly #models: readonly ReadyShield[]
  /** What is given and not shown yet. */
  #held = ''
  /** What models are shown next: what is new to them, and what was before it. */
  #window = ''
  #length = 0
  /** How much of the text the models have let pass. */
  #judged = 0
  #isJudging = false

  constructor(options: StreamGuardOptions) {
    this.#options = options
    this.#models = options.shields.filter(({ provider }) => provider.openCheck === undefined)
    this.#checks = options.shields.flatMap(({ description, provider }) => {
      const check = provider.openCheck?.(description, 'assistant')
      return check === undefined ? [] : [{ shieldId: description.id, check }]
    })
  }

  add(piece: string): string | GuardrailHit | Promise<string | GuardrailHit> {
    if (this.#isJudging) bug('a piece came before the verdict on the one before')
    this.#held += piece
    this.#length += piece.length
    if (this.#models.length > 0) this.#window += piece
    for (const { shieldId, check } of this.#checks) {
      const hit = this.#options.jury.toHit(shieldId, check.add(piece))
      if (hit !== undefined) return hit
    }
    if (this.#models.length === 0 || this.#length - this.#judged < WINDOW_CHARS) return this.#release()
    return this.#judgeWindow()
  }

  end(): string | GuardrailHit | Promise<string | GuardrailHit> {
    for (const { shieldId, check } of this.#checks) {
      const hit = this.#options.jury.toHit(shieldId, check.end())
      if (hit !== undefined) return hit
    }
    if (this.#models.length === 0 || this.#length === this.#judged) return this.#release({ isLast: true })
    return this.#judgeWindow({ isLast: true })
  }

  async #judgeWindow(at?: { readonly isLast: true }): Promise<string | GuardrailHit> {
    this.#isJudging = true
    const hit = await this.#options.jury.firstHit((shield) => this.#ask(shield), this.#models)
    this.#isJudging = false
    if (hit !== undefined) return hit
    this.#judged = this.#length
    if (!this.#options.cumulative) this.#window = this.#window.slice(-OVERLAP_CHARS)
    return this.#release(at)
  }

  async #ask({ provider, description }: ReadyShield): Promise<readonly ShieldVerdict[]> {
    const role = this.#options.cumulative ? 'user' : 'assistant'
    return [await provider.judge(description, [{ role, text: this.#window }], this.#options.call)]
  }

  /** What all shields have decided on. Half a character is not shown, unless the text ends so. */
  #release(at?: { readonly isLast: true }): string {
    const undecided = this.#checks.map(({ check }) => check.undecided)
    const unjudged = this.#models.length === 0 ? 0 : this.#length - this.#judged
    let end = this.#held.length - Math.max(0, unjudged, ...undecided)
    if (at === undefined && isHighSurrogate(this.#held.charCodeAt(end - 1))) end -= 1
    const shown = this.#held.slice(0, Math.max(end, 0))
    this.#held = this.#held.slice(shown.length)
    return shown
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd8_00 && unit <= 0xdb_ff
}
