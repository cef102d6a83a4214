/** Compaction for any model: on request, and by itself when a conversation has grown to a threshold. */
import type {
  ChatCompletion,
  ChatCompletionRequest,
  ChatMessage,
  Clock,
  CompactedResponse,
  CompactionItem,
  CreateResponseRequest,
  ItemResource,
  ResponseUsage,
} from '@llama-stack/api'
import type { Ids } from '../../../kernel/ids.ts'
import { newItemId, newResponseId } from '../item-ids.ts'
import type { CountMessages } from './message-units.ts'
import { planCompaction } from './plan-compaction.ts'
import type { SummarySeal } from './sealed-summary.ts'
import { readSummary, toSummaryRequest } from './summary-request.ts'
import type { CompactionSettings, Summary, SummaryInput } from './summary-request.ts'

export interface CompactionOptions {
  readonly settings: CompactionSettings
  readonly seal: SummarySeal
  readonly ids: Ids
  readonly clock: Clock
}

/** Calls the model: the inference service, in the context of the request. */
export type AskForSummary = (request: ChatCompletionRequest) => Promise<ChatCompletion>

/** What is compacted, and by whom. */
export interface CompactInput extends Omit<SummaryInput, 'settings'> {
  /** The whole input, earlier turns included, in the form in which items are kept. */
  readonly items: readonly ItemResource[]
  readonly ask: AskForSummary
}

/** A conversation that may be too long, before a turn. */
export interface GrownHistory {
  readonly model: string
  readonly history: readonly ChatMessage[]
  /** In tokens; see {@link Compaction.findThreshold}. */
  readonly threshold: number
  readonly count: CountMessages
  readonly ask: AskForSummary
  readonly asRecorded?: boolean | undefined
}

/** What a turn goes on with. */
export interface CompactedHistory {
  readonly history: readonly ChatMessage[]
  /** For the output: it carries the history, and stands for all that came before it. */
  readonly item: CompactionItem
  readonly usage: ResponseUsage
}

/** Four fifths of the context: the reply and the next output of a tool need room too. */
const SHARE_OF_CONTEXT = 0.8

/** Summarises conversations. It keeps nothing: what it gives out has all that it needs. */
export class Compaction {
  readonly #settings: CompactionSettings
  readonly #seal: SummarySeal
  readonly #ids: Ids
  readonly #clock: Clock

  constructor({ settings, seal, ids, clock }: CompactionOptions) {
    this.#settings = settings
    this.#seal = seal
    this.#ids = ids
    this.#clock = clock
  }

  /** Answers `POST /v1/responses/compact`: what the user said, to the letter, and one item for all the rest. */
  async compact({ items, ask, ...input }: CompactInput): Promise<CompactedResponse> {
    const summary = await this.#summarise(input, ask)
    const nowMs = this.#clock.now()
    return {
      id: newResponseId(this.#ids, nowMs),
      object: 'response.compaction',
      created_at: Math.floor(nowMs / 1000),
      output: [
        ...items.filter((item) => item.type === 'message' && item.role === 'user'),
        this.#toItem(this.#seal.seal(summary.text)),
      ],
      usage: summary.usage,
    }
  }

  /** Shortens a history that has reached its threshold. Undefined where it has not, or cannot be shortened. */
  async compactHistory({
    history,
    threshold,
    count,
    ask,
    ...input
  }: GrownHistory): Promise<CompactedHistory | undefined> {
    const plan = await planCompaction(history, { threshold, count })
    if (plan === undefined) return undefined
    const summary = await this.#summarise({ ...input, messages: plan.toSummarise }, ask)
    const shorter = plan.withSummary({ role: 'assistant', content: this.#tell(summary.text) })
    return { history: shorter, item: this.#toItem(this.#seal.sealHistory(shorter)), usage: summary.usage }
  }

  /** What a model is told of a compaction item: the words of the assistant. Throws `invalid_value` where it cannot be read. */
  expand(encryptedContent: string): string {
    return this.#tell(this.#seal.open(encryptedContent))
  }

  /** The history that a compaction item stands for, where it stands for all that came before it. Throws as {@link expand} does. */
  expandHistory(encryptedContent: string): readonly ChatMessage[] | undefined {
    return this.#seal.openHistory(encryptedContent)
  }

  /** When a history is compacted by itself: as the request says, the operator, or the model's context. Undefined: never. */
  findThreshold(
    management: CreateResponseRequest['context_management'],
    contextTokens: number | undefined,
  ): number | undefined {
    const entry = management?.find(({ type }) => type === 'compaction')
    if (entry === undefined) return undefined
    const byContext = contextTokens === undefined ? undefined : Math.floor(contextTokens * SHARE_OF_CONTEXT)
    return entry.compact_threshold ?? this.#settings.defaultCompactThreshold ?? byContext
  }

  async #summarise(input: Omit<SummaryInput, 'settings'>, ask: AskForSummary): Promise<Summary> {
    return readSummary(await ask(toSummaryRequest({ ...input, settings: this.#settings })))
  }

  #tell(summary: string): string {
    return `${this.#settings.summaryPrefix ?? ''}${summary}`
  }

  #toItem(sealed: string): CompactionItem {
    return { type: 'compaction', id: newItemId(this.#ids, 'compaction'), encrypted_content: sealed }
  }
}
