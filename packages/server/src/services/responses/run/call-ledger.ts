/** Calls with effects, made once: the intent is kept before the call, and the outcome after it. */
import type { ResponseRepository } from '../../../storage/agent-state.ts'
import type { ToolOutcome } from '../tools/server-tool.ts'

export interface LedgerCall {
  /** Unlike the ids that models give, which some give again and again. */
  readonly key: string
  /** Whether a second run does no harm. */
  readonly isRepeatable: boolean
  readonly run: () => Promise<ToolOutcome>
}

export interface CallLedgerOptions {
  readonly responseId: string
  readonly repository: Pick<ResponseRepository, 'claimCall' | 'settleCall'>
  /** Whether the response is kept while it runs: one that is not ends with its process, and its calls with it. */
  readonly isKept: () => boolean
}

export class CallLedger {
  readonly #options: CallLedgerOptions
  readonly #underWay = new Map<string, Promise<ToolOutcome>>()

  constructor(options: CallLedgerOptions) {
    this.#options = options
  }

  /** Runs the call, or gives what it gave before; undefined where it was begun and nobody knows how it ended. */
  async once({ key, isRepeatable, run }: LedgerCall): Promise<ToolOutcome | undefined> {
    const { responseId, repository, isKept } = this.#options
    if (isKept()) {
      const claim = await repository.claimCall(responseId, key)
      // Of our own making.
      if (claim.kind === 'done') return JSON.parse(claim.outcome) as ToolOutcome
      if (claim.kind === 'begun' && !isRepeatable) return undefined
    }
    const made = this.#make(key, run)
    this.#underWay.set(key, made)
    try {
      return await made
    } finally {
      this.#underWay.delete(key)
    }
  }

  /** Waits for the calls that are under way, however they end. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#underWay.values())
  }

  async #make(key: string, run: LedgerCall['run']): Promise<ToolOutcome> {
    const { responseId, repository, isKept } = this.#options
    const outcome = await run()
    if (isKept()) await repository.settleCall(responseId, key, JSON.stringify(outcome))
    return outcome
  }

  /** The response is kept from now on: so are the calls that are under way. */
  async keepUnderWay(): Promise<void> {
    const { responseId, repository } = this.#options
    await Promise.all([...this.#underWay.keys()].map((key) => repository.claimCall(responseId, key)))
  }
}
