/**
 * How far one response may go: turns, calls of tools, tokens and time. Whoever runs the loop asks before each turn and each
 * call; what was used so far can be kept and taken up again after a restart.
 */
import type { Clock } from '@llama-stack/api'
import * as z from 'zod'
import { toCallKey } from './call-key.ts'

/**
 * Why a response is incomplete: `incomplete_details.reason`, which is an open text in Open Responses. OpenAI's document has
 * the first only (and `content_filter`, which is no limit); the others would be untrue under its name.
 */
export type LimitReason = 'max_output_tokens' | 'max_infer_iters' | 'max_tool_calls' | 'deadline'

export interface RunLimitSettings {
  /** How often the model is called. */
  readonly maxTurns: number
  /** How many tools are called. Default: as many as the turns bring. */
  readonly maxToolCalls?: number | undefined
  /** Of all turns together. Default: as many as the model gives. */
  readonly maxOutputTokens?: number | undefined
  /** From the start of the run, pauses of a restart included. Default: no limit. */
  readonly maxWallTimeMs?: number | undefined
}

/** Upstream's default of `max_infer_iters`. */
export const DEFAULT_MAX_TURNS = 10

/** What a run has used. It is JSON: a background run keeps it beside its progress. */
export const RunUsage = z
  .object({
    turns: z.number(),
    toolCalls: z.number(),
    outputTokens: z.number(),
    /** Milliseconds since the epoch. */
    startedAtMs: z.number(),
    /** The calls of the last turn, and in how many turns in a row each was made. */
    repeats: z.record(z.string(), z.number()).readonly(),
    /** How many turns in a row asked for calls of which the limit allowed none. */
    refusedTurns: z.number(),
  })
  .readonly()
export type RunUsage = z.infer<typeof RunUsage>

/** A call as the model made it: `arguments` is the JSON text. */
export interface AskedCall {
  readonly name: string
  readonly arguments: string
}

/** Whether a call is run, or what the model is told instead of its output. */
export type CallVerdict = { readonly run: true } | { readonly run: false; readonly output: string }

/** The same call in so many turns in a row is not run again: its output would be what the model has been told twice. */
const MAX_REPEATS = 2

const RUN: CallVerdict = Object.freeze({ run: true })

/** Counts what one response uses, and says when it has to stop. */
export class RunLimits {
  readonly #settings: RunLimitSettings
  readonly #clock: Clock
  #used: RunUsage

  /** `used` is what {@link RunLimits.used} said before an interruption. */
  constructor(settings: RunLimitSettings, clock: Clock, used?: RunUsage) {
    this.#settings = settings
    this.#clock = clock
    this.#used = used ?? {
      turns: 0,
      toolCalls: 0,
      outputTokens: 0,
      startedAtMs: clock.now(),
      repeats: {},
      refusedTurns: 0,
    }
  }

  get used(): RunUsage {
    return this.#used
  }

  /** How many tokens the next turn may have: `max_completion_tokens`. Undefined where there is no limit. */
  get remainingOutputTokens(): number | undefined {
    const { maxOutputTokens } = this.#settings
    return maxOutputTokens === undefined ? undefined : Math.max(0, maxOutputTokens - this.#used.outputTokens)
  }

  /** How long the run may still take; undefined where there is no limit. */
  get remainingMs(): number | undefined {
    const { maxWallTimeMs } = this.#settings
    if (maxWallTimeMs === undefined) return undefined
    // A clock that was put back, or another machine's, gives no run more than the whole: timers take no more than its bound.
    const tookMs = Math.max(0, this.#clock.now() - this.#used.startedAtMs)
    return Math.max(0, maxWallTimeMs - tookMs)
  }

  /** Counts a turn, if there may be one; says why not otherwise. */
  beginTurn(): LimitReason | undefined {
    const reason = this.#findReason()
    if (reason === undefined) this.#used = { ...this.#used, turns: this.#used.turns + 1 }
    return reason
  }

  /** Adds what a turn has written. */
  addOutputTokens(tokens: number): void {
    this.#used = { ...this.#used, outputTokens: this.#used.outputTokens + tokens }
  }

  /**
   * Judges the calls of one turn that this server would run, in their order. To be asked once for each turn, also where it
   * has none: what was asked twice in a row is known only then.
   */
  judgeCalls(calls: readonly AskedCall[]): readonly CallVerdict[] {
    const { maxToolCalls = Infinity } = this.#settings
    const repeats: Record<string, number> = {}
    let { toolCalls } = this.#used
    const verdicts = calls.map((call): CallVerdict => {
      const key = toCallKey(call)
      const turns = (this.#findRepeats(key) ?? 0) + 1
      repeats[key] = turns
      if (turns > MAX_REPEATS) return { run: false, output: toRepeatedOutput(call, turns) }
      if (toolCalls >= maxToolCalls) return { run: false, output: toSkippedOutput(maxToolCalls) }
      toolCalls += 1
      return RUN
    })
    const isRefused = verdicts.length > 0 && toolCalls >= maxToolCalls && verdicts.every(({ run }) => !run)
    this.#used = { ...this.#used, toolCalls, repeats, refusedTurns: isRefused ? this.#used.refusedTurns + 1 : 0 }
    return verdicts
  }

  #findRepeats(key: string): number | undefined {
    return Object.hasOwn(this.#used.repeats, key) ? this.#used.repeats[key] : undefined
  }

  #findReason(): LimitReason | undefined {
    const { maxTurns } = this.#settings
    if (this.remainingMs === 0) return 'deadline'
    if (this.remainingOutputTokens === 0) return 'max_output_tokens'
    // A model that was told once may answer; one that asks on will not.
    if (this.#used.refusedTurns > 1) return 'max_tool_calls'
    return this.#used.turns >= maxTurns ? 'max_infer_iters' : undefined
  }
}

/** Upstream's words: recorded requests have them. */
function toSkippedOutput(limit: number): string {
  return `Tool call skipped: maximum tool calls limit (${limit}) reached.`
}

function toRepeatedOutput({ name }: AskedCall, turns: number): string {
  return (
    `The call was not made: ${name} was called with the same arguments in ${turns} turns in a row, and its output is ` +
    'in the messages above. Use that output, call with other arguments, or answer.'
  )
}
