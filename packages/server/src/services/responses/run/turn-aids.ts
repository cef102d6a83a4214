/** What the turns of a response need beside the model, where its request wants more than a plain answer. */
import { bug } from '@llama-stack/api'
import type {
  CallContext,
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionRequest,
  CreateResponseRequest,
  Reply,
} from '@llama-stack/api'
import type { ToolKit } from '../tools/tool-kit.ts'
import { AnswerFormat, wantsFormat } from './answer-format.ts'
import type { AskedTurn } from './answer-format.ts'
import { HistoryCompaction, wantsCompaction } from './history-compaction.ts'
import { PromptFit, wantsTruncation } from './prompt-fit.ts'
import type { RunPlan } from './run-plan.ts'
import type { RunWorld } from './run-world.ts'
import { ThoughtSummary, wantedSummary } from './thought-summary.ts'
import type { TurnWriter } from './turn-writer.ts'

export interface TurnAidsOptions {
  readonly plan: RunPlan
  readonly world: RunWorld
  readonly kit: ToolKit
  readonly isHeard: boolean
  readonly context: CallContext
}

type ChatReply = Reply<ChatCompletion, ChatCompletionChunk>
type Send = (request: ChatCompletionRequest) => Promise<ChatReply>

/** Whether a turn is more than one call of the model. */
export function wantsAids(request: CreateResponseRequest): boolean {
  return (
    wantsFormat(request) || wantsCompaction(request) || wantsTruncation(request) || wantedSummary(request) !== undefined
  )
}

/** Decides what is done beside the turns, before the first one. */
export async function openTurnAids(options: TurnAidsOptions): Promise<TurnAids> {
  const { request } = options.plan.settled
  const [format, compaction, fit] = await Promise.all([
    wantsFormat(request) ? AnswerFormat.open({ ...options, toolNames: options.kit.names }) : undefined,
    wantsCompaction(request) ? HistoryCompaction.open(options) : undefined,
    wantsTruncation(request) ? PromptFit.open(options) : undefined,
  ])
  const length = wantedSummary(request)
  const summary = length === undefined ? undefined : new ThoughtSummary(length, options)
  return new TurnAids({ format, compaction, fit, summary })
}

interface Aids {
  readonly format: AnswerFormat | undefined
  readonly compaction: HistoryCompaction | undefined
  readonly fit: PromptFit | undefined
  readonly summary: ThoughtSummary | undefined
}

export class TurnAids {
  readonly format: AnswerFormat | undefined
  readonly compaction: HistoryCompaction | undefined
  readonly summary: ThoughtSummary | undefined
  readonly #fit: PromptFit | undefined
  /** The request of the turn as it fits. */
  #fitting: ChatCompletionRequest | undefined

  constructor({ format, compaction, fit, summary }: Aids) {
    this.format = format
    this.compaction = compaction
    this.summary = summary
    this.#fit = fit
  }

  /** Sends the request of a turn, in another form where the vendor refuses one. Nothing has been shown before. */
  async send(request: ChatCompletionRequest, send: Send): Promise<ChatReply> {
    let fitting = (await this.#fit?.fit(request)) ?? request
    let mayShorten = true
    for (;;) {
      try {
        // Each try is the answer to what became of the one before.
        // eslint-disable-next-line no-await-in-loop
        const reply = await send(this.format?.apply(fitting) ?? fitting)
        this.#fitting = fitting
        return reply
      } catch (error) {
        // eslint-disable-next-line no-await-in-loop -- as above
        if ((await this.format?.takeNext(error)) === true) continue
        // eslint-disable-next-line no-await-in-loop -- as above
        const shorter = mayShorten ? await this.#fit?.refit(fitting, error) : undefined
        if (shorter === undefined) throw error
        mayShorten = false
        fitting = shorter
      }
    }
  }

  /** Finishes a turn whose answer has come in whole. */
  async settle(writer: TurnWriter, asked: Omit<AskedTurn, 'request'>): Promise<void> {
    await this.format?.settle(writer, { ...asked, request: this.#fitting ?? bug('a turn that nobody asked for') })
  }
}
