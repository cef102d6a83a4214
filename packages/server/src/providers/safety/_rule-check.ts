/** Judges one growing text by a policy of rules. */
import type { GrowingTextCheck, ShieldViolation } from '@llama-stack/api'
import type { RulePolicy } from './_rule-policy.ts'
import { TextScan } from './_text-scan.ts'

const MAX_CHARS = 'max_chars'

/** Reads every unit once; keeps only what may still become part of something that is found. */
export class RuleCheck implements GrowingTextCheck {
  readonly #policy: RulePolicy
  readonly #scan: TextScan
  readonly #found = new Map<string, 'block' | 'warn'>()
  /** The end of the text, from where something may have begun. */
  #kept = ''
  #length = 0

  constructor(policy: RulePolicy) {
    this.#policy = policy
    this.#scan = new TextScan(policy.plan, (pattern, start, end) => this.#note(pattern, start, end))
  }

  get undecided(): number {
    return this.#scan.undecided
  }

  add(piece: string): ShieldViolation | undefined {
    this.#kept += piece
    this.#length += piece.length
    this.#scan.add(piece)
    this.#kept = this.#kept.slice(this.#kept.length - this.#scan.undecided)
    if (this.#length > this.#policy.maxChars) this.#found.set(MAX_CHARS, 'block')
    return this.violation
  }

  end(): ShieldViolation | undefined {
    this.#scan.end()
    return this.violation
  }

  /** The categories of what the text has so far. */
  get found(): ReadonlyMap<string, 'block' | 'warn'> {
    return this.#found
  }

  /** What the text has so far. */
  get violation(): ShieldViolation | undefined {
    return toViolation(this.#found, this.#policy.message)
  }

  #note(pattern: number, start: number, end: number): void {
    const rule = this.#policy.rules[pattern]
    if (rule === undefined || this.#found.has(rule.category)) return
    const keptFrom = this.#length - this.#kept.length
    if (rule.confirm?.(this.#kept.slice(start - keptFrom, end - keptFrom)) === false) return
    this.#found.set(rule.category, rule.level)
  }
}

/** What was found as a violation: an error where anything of it may not pass. */
export function toViolation(
  found: ReadonlyMap<string, 'block' | 'warn'>,
  message: string | undefined,
): ShieldViolation | undefined {
  if (found.size === 0) return undefined
  const categories = [...found.keys()].sort()
  const blocking = categories.filter((category) => found.get(category) === 'block')
  const named = blocking.length > 0 ? blocking : categories
  return {
    level: blocking.length > 0 ? 'error' : 'warn',
    userMessage: message ?? `A rule of this server does not let this pass: ${named.join(', ')}.`,
    categories,
    metadata: { violation_type: named[0] ?? '', blocked: blocking },
  }
}
