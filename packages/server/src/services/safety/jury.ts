/** Several shields over one text. */
import type { Log, ShieldVerdict, ShieldViolation } from '@llama-stack/api'
import type { ReadyShield } from './shield-book.ts'

/** What a shield does not let pass. */
export interface GuardrailHit {
  readonly shieldId: string
  readonly violation: ShieldViolation
}

/** Asks shields, and tells which of their verdicts stops a text: others are reported in the log. */
export class Jury {
  readonly #shields: readonly ReadyShield[]
  readonly #log: Log
  readonly #reported = new Set<string>()

  constructor(shields: readonly ReadyShield[], log: Log) {
    this.#shields = shields
    this.#log = log
  }

  async firstHit(
    judge: (shield: ReadyShield) => Promise<readonly ShieldVerdict[]>,
    shields = this.#shields,
  ): Promise<GuardrailHit | undefined> {
    const verdicts = await Promise.all(shields.map(judge))
    const hits = verdicts.flatMap((of, index) =>
      of.map(({ violation }) => this.toHit(shields[index]?.description.id ?? '', violation)),
    )
    return hits.find((hit) => hit !== undefined)
  }

  /** A violation that stops; one that does not is reported once. */
  toHit(shieldId: string, violation: ShieldViolation | undefined): GuardrailHit | undefined {
    if (violation === undefined) return undefined
    if (violation.level === 'error') return { shieldId, violation }
    const key = `${shieldId} ${violation.categories.join(' ')}`
    if (this.#reported.has(key)) return undefined
    this.#reported.add(key)
    this.#log.warn('A shield lets pass what it reports', { shield: shieldId, categories: violation.categories })
    return undefined
  }
}
