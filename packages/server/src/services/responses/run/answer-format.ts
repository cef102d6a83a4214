/**
 * Makes the answer of a response follow `text.format`: natively where the model can, else by a forced tool, else by
 * instruction.
 *
 * An answer that could not be made to follow it is delivered as it is, in a response that is `incomplete` because of
 * `invalid_format`: who waits for `completed` before parsing is not surprised, and who does not look gets what there is.
 */
import type { CallContext, ChatCompletionRequest, CreateResponseRequest } from '@llama-stack/api'
import { isStackError } from '@llama-stack/api'
import { fromToolCalls } from '../chat/assistant-turn.ts'
import type { SchemaValidators } from '../structured/schema-validators.ts'
import type { ChosenMode, ModeQuestion, StructuredModes } from '../structured/structured-modes.ts'
import { createStructuredPlan } from '../structured/structured-plan.ts'
import type { StructuredPlan } from '../structured/structured-plan.ts'
import type { RunPlan } from './run-plan.ts'
import type { RunWorld } from './run-world.ts'
import type { AskAside } from './side-call.ts'
import type { TurnWriter } from './turn-writer.ts'
import { addUsage, toUsage } from './usage.ts'

/** What is kept for all responses. */
export interface StructuredWorld {
  readonly modes: StructuredModes
  readonly validators: SchemaValidators
}

export interface AnswerFormatOptions {
  readonly plan: RunPlan
  readonly world: RunWorld
  /** The names of the tools, from which the answer's has to differ. */
  readonly toolNames: readonly string[]
  readonly isHeard: boolean
  readonly context: CallContext
}

/** What a turn asked for, and with what it can ask again. */
export interface AskedTurn {
  readonly request: ChatCompletionRequest
  readonly ask: AskAside
  readonly signal: AbortSignal
}

/** Whether a request wants more than text. */
export function wantsFormat({ text }: CreateResponseRequest): boolean {
  const type = text?.format?.type
  return type !== undefined && type !== 'text'
}

export class AnswerFormat {
  readonly #options: AnswerFormatOptions
  readonly #question: ModeQuestion
  #chosen: ChosenMode
  #plan: StructuredPlan

  private constructor(options: AnswerFormatOptions, question: ModeQuestion, [chosen, plan]: Way) {
    this.#options = options
    this.#question = question
    this.#chosen = chosen
    this.#plan = plan
  }

  /** Decides how the model is asked first. Rejects with `invalid_value` where a schema that has to be checked is none. */
  static async open(options: AnswerFormatOptions): Promise<AnswerFormat | undefined> {
    const { plan, world, context } = options
    const { name, facts } = await world.findModel(plan.settled.model, context)
    const question = { model: name, facts, isReplaying: world.asRecorded }
    const way = await openWay(world.structured.modes.choose(question), options)
    return way === undefined ? undefined : new AnswerFormat(options, question, way)
  }

  /** Whether the text of a turn is known only when the turn is over. */
  get holdsText(): boolean {
    return !this.#plan.streams
  }

  /** Whether a call is the answer rather than the call of a tool. */
  isAnswer(toolName: string): boolean {
    return this.#plan.isAnswer(toolName)
  }

  /** The request of a turn with what the model needs to be told. */
  apply(request: ChatCompletionRequest): ChatCompletionRequest {
    return this.#plan.apply(request)
  }

  /** Whether the vendor refused the way of asking, so that the next one is to be tried. */
  async takeNext(error: unknown): Promise<boolean> {
    const { modes } = this.#options.world.structured
    const next = modes.findNext(this.#question, this.#chosen, error)
    const way = next === undefined ? undefined : await openWay(next, this.#options)
    if (way === undefined) return false
    ;[this.#chosen, this.#plan] = way
    return true
  }

  /** Shows the answer of a finished turn, repaired where it has to be and can be. */
  async settle(writer: TurnWriter, asked: AskedTurn): Promise<void> {
    const plan = this.#plan
    const answers = writer.takeCalls((name) => plan.isAnswer(name))
    // What is said beside calls of tools is no answer: clients parse all the text of a response as one.
    if (writer.calls.length > 0 || writer.declines || writer.isRefused) return
    let text = plan.read({ text: writer.rawText, toolCalls: answers })
    const isCut = writer.finishReason === 'length' || writer.finishReason === 'content_filter'
    if (!isCut) {
      writer.faults = plan.check(text)
      if (writer.faults.length > 0 && !plan.streams) text = await this.#repair(text, writer, asked)
      if (writer.faults.length > 0) this.#tell(writer.faults)
    }
    if (!plan.streams) writer.say(text)
  }

  /** Asks once more, with what is wrong. A repair that fails is not the failure of the response. */
  async #repair(text: string, writer: TurnWriter, { request, ask, signal }: AskedTurn): Promise<string> {
    const plan = this.#plan
    const { max_completion_tokens: most } = request
    const left = typeof most === 'number' ? most - (writer.tokens?.output_tokens ?? 0) : undefined
    if (left !== undefined && left <= 0) return text
    const again = plan.apply({
      ...request,
      messages: [...plan.repair(request.messages, text, writer.faults)],
      // No further tool is to be called; a tool that is the answer is chosen by name then.
      ...(request.tools !== undefined && { tool_choice: 'none' }),
      ...(left !== undefined && { max_completion_tokens: left }),
    })
    try {
      const { choices, usage } = await ask(again)
      const message = choices[0]?.message
      writer.tokens = addUsage(writer.tokens, toUsage(usage))
      const repaired = plan.read({ text: message?.content ?? '', toolCalls: fromToolCalls(message?.tool_calls) })
      const faults = plan.check(repaired)
      // Of two that are wrong the first is what the model was asked for.
      if (faults.length > 0) return text
      writer.faults = faults
      return repaired
    } catch (error) {
      signal.throwIfAborted()
      if (!isStackError(error)) throw error
      return text
    }
  }

  #tell(faults: readonly string[]): void {
    const { plan, world } = this.#options
    world.log.info('An answer does not follow the format that was asked for.', {
      requestId: plan.caller.requestId,
      response: plan.frame.id,
      mode: this.#plan.mode,
      faults: faults.length,
    })
  }
}

type Way = readonly [ChosenMode, StructuredPlan]

async function openWay(chosen: ChosenMode, options: AnswerFormatOptions): Promise<Way | undefined> {
  const { plan, world, toolNames, isHeard } = options
  const { settled } = plan
  const made = await createStructuredPlan({
    format: settled.request.text?.format,
    chosen,
    toolNames,
    validators: world.structured.validators,
    isHeard,
  })
  if (made?.adjustment !== undefined) settled.adjustments.emulate(made.adjustment.param)
  return made === undefined ? undefined : [chosen, made]
}
