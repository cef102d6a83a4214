/** `reasoning.summary`: what a model thought, in fewer words that a further call of it writes. */
import type { ChatCompletionRequest, CreateResponseRequest, ResponseUsage } from '@llama-stack/api'
import { isStackError } from '@llama-stack/api'
import type { RunPlan } from './run-plan.ts'
import type { GuardCaller, Guards, RunWorld } from './run-world.ts'
import type { AskAside } from './side-call.ts'
import { toUsage } from './usage.ts'

type Length = 'auto' | 'concise' | 'detailed'

export interface WrittenSummary {
  /** Undefined where there is none. */
  readonly text: string | undefined
  readonly usage: ResponseUsage | null
}

/** What a summary is written with. */
export interface SummaryCall {
  readonly ask: AskAside
  readonly guards: Guards | undefined
  readonly caller: GuardCaller
}

const NOTHING: WrittenSummary = Object.freeze({ text: undefined, usage: null })

/** In upstream's recordings the request begins so. */
const SYSTEM = 'You are a helpful assistant that summarizes reasoning traces.'
const RECORDED_TEMPERATURE = 0.3

const WISHES: Readonly<Record<Length, string>> = Object.freeze({
  auto: 'in a few sentences',
  concise: 'in one or two sentences',
  detailed: 'step by step, with what was considered, what was ruled out and why',
})

/** How long a summary is wanted; undefined: none is. */
export function wantedSummary({ reasoning }: CreateResponseRequest): Length | undefined {
  return reasoning?.summary ?? reasoning?.generate_summary ?? undefined
}

export class ThoughtSummary {
  readonly #plan: RunPlan
  readonly #world: RunWorld
  readonly #length: Length

  constructor(length: Length, { plan, world }: { readonly plan: RunPlan; readonly world: RunWorld }) {
    this.#length = length
    this.#plan = plan
    this.#world = world
    plan.settled.adjustments.emulate('reasoning.summary')
  }

  /** Rejects only where the run is stopped: a response is complete without it. */
  async write(thoughts: string, { ask, guards, caller }: SummaryCall): Promise<WrittenSummary> {
    try {
      const { choices, usage } = await ask(this.#toRequest(thoughts))
      const text = choices[0]?.message.content?.trim() ?? ''
      const mayBeShown = text !== '' && (guards === undefined || (await passes(text, guards, caller)))
      return { text: mayBeShown ? text : undefined, usage: toUsage(usage) }
    } catch (error) {
      caller.signal.throwIfAborted()
      if (!isStackError(error)) throw error
      this.#world.log.info('What a model thought could not be summarised.', {
        requestId: this.#plan.caller.requestId,
        response: this.#plan.frame.id,
        reason: error.message,
      })
      return NOTHING
    }
  }

  #toRequest(thoughts: string): ChatCompletionRequest {
    const wish = `Summarise the following thoughts ${WISHES[this.#length]}. Write in their language, as the one who thought them, and nothing but the summary.`
    return {
      model: this.#plan.settled.model,
      messages: [
        { role: 'system', content: SYSTEM },
        { role: 'user', content: `${wish}\n\n${thoughts}` },
      ],
      stream: false,
      // Models that think refuse temperatures more often than not.
      ...(this.#world.asRecorded && { temperature: RECORDED_TEMPERATURE }),
    }
  }
}

async function passes(text: string, guards: Guards, caller: GuardCaller): Promise<boolean> {
  const filter = guards.openOutput(caller)
  const shown = await filter.add(text)
  return shown.refusal === undefined && (await filter.end()).refusal === undefined
}
