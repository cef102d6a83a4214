/** Calls with effects, made once: the intent is kept before the call, and the outcome after it. */
import type { ResponseRepository } from '../../../storage/agent-state.ts'
import type { ToolOutcome } from '../tools/server-tool.ts'

export interface CallLedgerOptions {
  readonly responseId: string
  readonly repository: Pick<ResponseRepository, 'claimCall' | 'settleCall'>
  /** Whether the response is kept while it runs: one that is not ends with its process, and its calls with it. */
  readonly isKept: () => boolean
}

export class CallLedger {
  readonly #options: CallLedgerOptions
  readonly #underWay = new Set<string>()

  constructor(options: CallLedgerOptions) {
    this.#options = options
  }

  /** Runs the call, or gives what it gave before; undefined where it was begun and nobody knows how it ended. */
  async once(callId: string, isRepeatable: boolean, run: () => Promise<ToolOutcome>): Promise<ToolOutcome | undefined> {
    const { responseId, repository, isKept } = this.#options
    if (isKept()) {
      const claim = await repository.claimCall(responseId, callId)
      // Of our own making.
      if (claim.kind === 'done') return JSON.parse(claim.outcome) as ToolOutcome
      if (claim.kind === 'begun' && !isRepeatable) return undefined
    }
    this.#underWay.add(callId)
    try {
      const outcome = await run()
      if (isKept()) await repository.settleCall(responseId, callId, JSON.stringify(outcome))
      return outcome
    } finally {
      this.#underWay.delete(callId)
    }
  }

  /** The response is kept from now on: so are the calls that are under way. */
  async keepUnderWay(): Promise<void> {
    const { responseId, repository } = this.#options
    await Promise.all([...this.#underWay].map((callId) => repository.claimCall(responseId, callId)))
  }
}
