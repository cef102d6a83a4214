/** Decides how a model is made to follow a schema, and remembers what its vendor refused. */
import { isStackError } from '@llama-stack/api'
import type { Clock, ModelFacts } from '@llama-stack/api'

/**
 * `native`: the vendor holds the model to it. `tool`: the answer is a call of a tool whose parameters are the schema.
 * `instruction`: the model is told.
 */
export type StructuredMode = 'native' | 'tool' | 'instruction'

/** A way, and what to try when the vendor refuses it. */
export interface ChosenMode {
  readonly mode: StructuredMode
  /** Whether what comes needs no check: the vendor is known to see to it. */
  readonly isTrusted: boolean
}

export interface ModeQuestion {
  /** The model with its provider: what one provider refuses another may take. */
  readonly model: string
  readonly facts: Pick<ModelFacts, 'structured_output' | 'tools'>
  /** Recorded requests have the native form, whatever is known of the model. */
  readonly isReplaying: boolean
}

/** Names that clients make up must not fill the memory. */
const MAX_REMEMBERED = 1000
/** Vendors learn new things. */
const REMEMBERED_MS = 60 * 60 * 1000

/** The vendor's words about the fields of a mode; complaints about the schema itself are the client's business. */
const REFUSALS: Readonly<Record<StructuredMode, RegExp | undefined>> = Object.freeze({
  native: /response[_ ]?format|json[_ ]?(?:schema|object|mode)|structured[_ ]?output|output_config|guided/i,
  tool: /tool|function/i,
  instruction: undefined,
})
const SCHEMA_AT_FAULT = /invalid schema|schema is invalid|additionalProperties|'required' is required/i

/** What was learnt about models, for the life of the server. */
export class StructuredModes {
  readonly #clock: Clock
  readonly #refused = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** How to ask a model first. */
  choose({ model, facts, isReplaying }: ModeQuestion): ChosenMode {
    if (isReplaying) return { mode: 'native', isTrusted: true }
    if (facts.structured_output === true) return { mode: 'native', isTrusted: true }
    const refuses = (mode: StructuredMode): boolean => this.#isRefused(model, mode)
    if (facts.structured_output !== false && !refuses('native')) return { mode: 'native', isTrusted: false }
    if (facts.tools !== false && !refuses('tool')) return { mode: 'tool', isTrusted: false }
    return { mode: 'instruction', isTrusted: false }
  }

  /**
   * The mode to try after a failure, once: undefined where the failure is about something else. A vendor that is known to
   * follow schemas refused this one, which the client has to know.
   */
  findNext(question: ModeQuestion, { mode, isTrusted }: ChosenMode, error: unknown): ChosenMode | undefined {
    if (isTrusted || !isRefusal(mode, error)) return undefined
    this.#remember(question.model, mode)
    return this.choose(question)
  }

  #isRefused(model: string, mode: StructuredMode): boolean {
    const since = this.#refused.get(`${mode} ${model}`)
    return since !== undefined && this.#clock.now() - since < REMEMBERED_MS
  }

  #remember(model: string, mode: StructuredMode): void {
    const key = `${mode} ${model}`
    this.#refused.delete(key)
    this.#refused.set(key, this.#clock.now())
    const [oldest] = this.#refused.keys()
    if (this.#refused.size > MAX_REMEMBERED && oldest !== undefined) this.#refused.delete(oldest)
  }
}

/** Whether a vendor says that it does not take the fields of this mode. */
function isRefusal(mode: StructuredMode, error: unknown): boolean {
  if (!isStackError(error, 'provider_invalid_request')) return false
  const words = `${error.details.vendorParam ?? ''} ${error.details.reason}`
  return REFUSALS[mode]?.test(words) === true && !SCHEMA_AT_FAULT.test(words)
}
