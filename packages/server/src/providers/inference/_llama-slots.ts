/** A few things that many callers take turns at: the parallel texts of a model. */
import { StackError } from '@llama-stack/api'

export interface SlotsOptions<Slot> {
  readonly slots: readonly Slot[]
  /** Callers that may wait; one more is refused. */
  readonly maxWaiting: number
  /** Named in the refusal. */
  readonly provider: string
  readonly model: string
}

export interface Slots<Slot> {
  /**
   * Runs with a slot of its own, after those who came before. `prefer` says how well a free slot suits; the best one is
   * taken. Rejects with `provider_overloaded` when too many wait, and with the signal's reason when it is aborted first.
   */
  use<Result>(turn: Turn<Slot, Result>): Promise<Result>
}

export interface Turn<Slot, Result> {
  readonly signal: AbortSignal
  readonly prefer?: (slot: Slot) => number
  readonly run: (slot: Slot) => Promise<Result>
}

/** Nobody knows how long a generation takes; a second is when it is worth asking again. */
const RETRY_AFTER_MS = 1000

/** Makes slots of what is there. */
export function toSlots<Slot>({ slots, maxWaiting, provider, model }: SlotsOptions<Slot>): Slots<Slot> {
  const free = [...slots]
  const waiting: ((slot: Slot) => void)[] = []

  const wait = (signal: AbortSignal): Promise<Slot> => {
    if (waiting.length >= maxWaiting) {
      const reason = `${waiting.length} wait for model '${model}'`
      throw new StackError('provider_overloaded', { provider, reason, retryAfterMs: RETRY_AFTER_MS })
    }
    const { promise, resolve, reject } = Promise.withResolvers<Slot>()
    const leave = (): void => {
      const at = waiting.indexOf(resolve)
      if (at !== -1) waiting.splice(at, 1)
      reject(signal.reason)
    }
    waiting.push(resolve)
    signal.addEventListener('abort', leave)
    return promise.finally(() => signal.removeEventListener('abort', leave))
  }

  return {
    async use({ signal, prefer, run }) {
      signal.throwIfAborted()
      const slot = takeBest(free, prefer) ?? (await wait(signal))
      try {
        return await run(slot)
      } finally {
        const next = waiting.shift()
        if (next === undefined) free.push(slot)
        else next(slot)
      }
    },
  }
}

function takeBest<Slot>(free: Slot[], prefer: ((slot: Slot) => number) | undefined): Slot | undefined {
  if (prefer === undefined || free.length < 2) return free.pop()
  let best = 0
  let bestScore = Number.NEGATIVE_INFINITY
  for (const [at, slot] of free.entries()) {
    const score = prefer(slot)
    if (score > bestScore) [best, bestScore] = [at, score]
  }
  return free.splice(best, 1)[0]
}
