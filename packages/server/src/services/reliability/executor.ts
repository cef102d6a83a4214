/**
 * Gets requests answered: tries, tries again, tries elsewhere. One policy for every operation, streamed or not.
 *
 * A request that is answered by its first target pays for one object of each kind and no timer.
 */
import type { Clock } from '@llama-stack/api'
import { DeadlineTicker } from './deadline-ticker.ts'
import type { ExecutorWorld } from './executor-world.ts'
import type { AnyReply, Operation } from './operation.ts'
import type { ReliabilityPolicy } from './reliability-policy.ts'
import { Run } from './run.ts'
import { ServedStream } from './served-stream.ts'

export interface ExecutorOptions {
  readonly policy: ReliabilityPolicy
  readonly clock: Clock
  /** From 0 up to 1. */
  readonly random: () => number
  /** See {@link ExecutorWorld.once}. */
  readonly once: boolean
}

export class Executor implements Disposable {
  readonly #world: ExecutorWorld

  constructor(options: ExecutorOptions) {
    this.#world = { ...options, ticker: new DeadlineTicker(options.clock, options.policy.deadlineMs) }
  }

  /** Resolves with the reply of the first target that answers; rejects with the error of the last, and what was tried. */
  async run<R extends AnyReply>(operation: Operation<R>): Promise<R> {
    const run = new Run(operation, this.#world)
    const { attempt, reply } = await run.serve()
    const headers = run.describe(attempt, reply.headers)
    if (reply.kind !== 'stream') return { ...reply, headers }
    return { ...reply, headers, stream: new ServedStream(run, attempt, reply.stream) }
  }

  [Symbol.dispose](): void {
    this.#world.ticker[Symbol.dispose]()
  }
}
