/** What was done otherwise than a request asked: told in a header and in the request log, refused in strict mode. */
import { StackError } from '@llama-stack/api'

export class Adjustments {
  readonly #isStrict: boolean
  readonly #made = new Set<string>()

  constructor(isStrict: boolean) {
    this.#isStrict = isStrict
  }

  /** The parameter has its effect, by other means: `emulated:text.format=tool`. */
  emulate(param: string, means?: string): void {
    this.#made.add(`emulated:${param}${means === undefined ? '' : `=${means}`}`)
  }

  /** The parameter has no effect. Throws `parameter_dropped` where the caller wants no such thing. */
  drop(param: string, reason: string): void {
    if (this.#isStrict) throw new StackError('parameter_dropped', { param, reason })
    this.#made.add(`dropped:${param}`)
  }

  get made(): readonly string[] {
    return [...this.#made]
  }
}
