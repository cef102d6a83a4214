/** `context_management`: a history that has grown to its threshold is compacted before the next turn. */
import type { CallContext, ChatMessage, CreateResponseRequest } from '@llama-stack/api'
import { isStackError } from '@llama-stack/api'
import type { CompactedHistory } from '../compaction/compaction.ts'
import { toChatRequest } from '../chat/to-chat-request.ts'
import type { ToolKit } from '../tools/tool-kit.ts'
import type { RunPlan } from './run-plan.ts'
import type { RunWorld } from './run-world.ts'
import type { AskAside } from './side-call.ts'

export interface HistoryCompactionOptions {
  readonly plan: RunPlan
  readonly world: RunWorld
  readonly kit: ToolKit
  readonly context: CallContext
}

/** Whether a request wants its history kept short. */
export function wantsCompaction({ context_management: management }: CreateResponseRequest): boolean {
  return management?.some(({ type }) => type === 'compaction') === true
}

/** Instructions and tools alone may be beyond the threshold; a history that is shorter is not made much shorter. */
const MIN_TOKENS = 1000

export class HistoryCompaction {
  readonly #options: HistoryCompactionOptions
  /** The model as its vendor knows it. */
  readonly #model: string
  /** How long the history may be, without what is sent beside it. */
  readonly #threshold: number

  private constructor(options: HistoryCompactionOptions, model: string, threshold: number) {
    this.#options = options
    this.#model = model
    this.#threshold = threshold
  }

  /** Undefined where nobody said when to compact, and nobody knows how much the model takes. */
  static async open(options: HistoryCompactionOptions): Promise<HistoryCompaction | undefined> {
    const { plan, world, kit, context } = options
    const { request, model, adjustments } = plan.settled
    const { name, contextTokens } = await world.findModel(model, context)
    const threshold = world.compaction.findThreshold(request.context_management, contextTokens)
    if (threshold === undefined) {
      adjustments.drop('context_management', `it has no compact_threshold, and the context of '${model}' is not known`)
      return undefined
    }
    const messages = [...plan.system, ...plan.promptMedia]
    const beside = await world.tokens.count(
      name,
      toChatRequest({ model, settings: request, messages, tools: kit.plan.first }),
    )
    return new HistoryCompaction(options, name, Math.max(threshold - beside.tokens, MIN_TOKENS))
  }

  /** The shorter history; undefined where it is short enough, or cannot be made shorter. */
  async compact(history: readonly ChatMessage[], ask: AskAside): Promise<CompactedHistory | undefined> {
    const { plan, world, context } = this.#options
    const { tokens, compaction, asRecorded, log } = world
    try {
      const compacted = await compaction.compactHistory({
        model: plan.settled.model,
        history,
        threshold: this.#threshold,
        count: async (messages) => (await tokens.count(this.#model, { messages: [...messages] })).tokens,
        ask,
        asRecorded,
      })
      if (compacted !== undefined) plan.settled.adjustments.emulate('context_management', 'summary')
      return compacted
    } catch (error) {
      context.signal.throwIfAborted()
      if (!isStackError(error)) throw error
      // The threshold is not the end of the context: the turn may still be made.
      log.warn('A history could not be compacted; the response goes on with the whole of it.', {
        requestId: plan.caller.requestId,
        response: plan.frame.id,
        reason: error.message,
      })
      return undefined
    }
  }
}
