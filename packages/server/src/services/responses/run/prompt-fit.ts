/** `truncation: "auto"`: leaves out the oldest turns of a prompt that the model has no room for. */
import type { CallContext, ChatCompletionRequest, CreateResponseRequest } from '@llama-stack/api'
import { isStackError } from '@llama-stack/api'
import { truncateToFit } from '../compaction/truncate-to-fit.ts'
import type { RunPlan } from './run-plan.ts'
import type { RunWorld } from './run-world.ts'

export interface PromptFitOptions {
  readonly plan: RunPlan
  readonly world: RunWorld
  readonly context: CallContext
}

/** Whether a request wants what is too long to be shortened rather than refused. */
export function wantsTruncation({ truncation }: CreateResponseRequest): boolean {
  return truncation === 'auto'
}

/** Of the context, for a reply of which nobody said how long it may be. */
const SHARE_OF_REPLY = 0.1
/** A reply may be allowed more than it will ever be. */
const MAX_SHARE_OF_REPLY = 0.5
/** Of what a vendor said, or of what was refused: counts of other vocabularies are estimates. */
const SHARE_AFTER_REFUSAL = 0.8
/** Of a prompt that was refused by somebody who did not say how much he takes. */
const SHARE_OF_UNKNOWN = 0.5

export class PromptFit {
  readonly #options: PromptFitOptions
  readonly #model: string
  readonly #contextTokens: number | undefined

  private constructor(options: PromptFitOptions, model: string, contextTokens: number | undefined) {
    this.#options = options
    this.#model = model
    this.#contextTokens = contextTokens
  }

  static async open(options: PromptFitOptions): Promise<PromptFit> {
    const { name, contextTokens } = await options.world.findModel(options.plan.settled.model, options.context)
    return new PromptFit(options, name, contextTokens)
  }

  /** The request as it fits, as far as it is known what does. */
  async fit(request: ChatCompletionRequest): Promise<ChatCompletionRequest> {
    if (this.#contextTokens === undefined) return request
    return this.#cut(request, roomFor(request, this.#contextTokens))
  }

  /** A shorter request after one that was refused for its length; undefined where it was refused for something else. */
  async refit(request: ChatCompletionRequest, error: unknown): Promise<ChatCompletionRequest | undefined> {
    const refusal = toLengthRefusal(error)
    if (refusal === undefined) return undefined
    const { contextTokens } = refusal
    const room =
      contextTokens === undefined
        ? (await this.#count(request)) * SHARE_OF_UNKNOWN
        : roomFor(request, contextTokens) * SHARE_AFTER_REFUSAL
    const shorter = await this.#cut(request, room)
    return shorter === request ? undefined : shorter
  }

  async #cut(request: ChatCompletionRequest, room: number): Promise<ChatCompletionRequest> {
    const beside = await this.#count({ ...request, messages: [] })
    const { messages, dropped } = await truncateToFit(request.messages, room - beside, (of) =>
      this.#count({ model: request.model, messages: [...of] }),
    )
    if (dropped === 0) return request
    this.#options.plan.settled.adjustments.emulate('truncation')
    return { ...request, messages: [...messages] }
  }

  async #count(request: ChatCompletionRequest): Promise<number> {
    return (await this.#options.world.tokens.count(this.#model, request)).tokens
  }
}

function roomFor({ max_completion_tokens: most }: ChatCompletionRequest, contextTokens: number): number {
  const reply = Math.max(typeof most === 'number' ? most : 0, contextTokens * SHARE_OF_REPLY)
  return contextTokens - Math.min(reply, contextTokens * MAX_SHARE_OF_REPLY)
}

/** What vendors say of prompts that are too long. */
const TOO_LONG =
  /context.{0,20}(?:length|window|size|limit)|maximum context|prompt is too long|too many (?:input )?tokens/i
const ALLOWED = /(?:maximum|max|limit|up to|at most|window)\D{0,40}(\d[\d,_]{2,})/i

/** That somebody refused a prompt for its length, and how much he takes where he said it. */
function toLengthRefusal(error: unknown): { readonly contextTokens: number | undefined } | undefined {
  if (isStackError(error, 'context_length_exceeded')) return { contextTokens: error.details.contextTokens }
  if (!isStackError(error, 'provider_invalid_request')) return undefined
  const { reason } = error.details
  if (!TOO_LONG.test(reason)) return undefined
  const [, allowed] = ALLOWED.exec(reason) ?? []
  return { contextTokens: allowed === undefined ? undefined : Number(allowed.replaceAll(/[,_]/g, '')) }
}
