/** Bounds how many calls one provider has at a time; the rest wait in line, for a while. */
import { StackError } from '@llama-stack/api'

export interface BulkheadPolicy {
  /** Calls at a time, streams included until they end. */
  readonly maxConcurrent: number
  /** How many may wait. */
  readonly maxQueue: number
  /** How long one may wait. */
  readonly queueTimeoutMs: number
}

/** One call in line. */
interface Waiting {
  readonly enter: () => void
}

export class Bulkhead {
  readonly #provider: string
  readonly #policy: BulkheadPolicy
  /** In the order of arrival; a Set, because a caller may leave the middle of the line. */
  readonly #line = new Set<Waiting>()
  #running = 0

  constructor(provider: string, policy: BulkheadPolicy) {
    this.#provider = provider
    this.#policy = policy
  }

  get running(): number {
    return this.#running
  }

  get waiting(): number {
    return this.#line.size
  }

  /**
   * Takes a place, which has to be given back with {@link leave}. Undefined: it was free. Otherwise resolves when the turn
   * has come, or rejects with `provider_overloaded`, or with the signal's reason.
   */
  enter(signal: AbortSignal): Promise<void> | undefined {
    if (this.#running < this.#policy.maxConcurrent) {
      this.#running += 1
      return undefined
    }
    const { maxQueue } = this.#policy
    if (this.#line.size >= maxQueue) {
      return Promise.reject(this.#overloaded(`${this.#running} are running and ${this.#line.size} are waiting`))
    }
    return this.#wait(signal)
  }

  /** Gives a place back: to the first in line, where there is one. */
  leave(): void {
    const [next] = this.#line
    if (next === undefined) this.#running -= 1
    else next.enter()
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', abort)
        this.#line.delete(waiting)
      }
      const waiting: Waiting = {
        enter() {
          stop()
          resolve()
        },
      }
      const abort = (): void => {
        stop()
        reject(signal.reason as Error)
      }
      const { queueTimeoutMs } = this.#policy
      const timer = setTimeout(() => {
        stop()
        reject(this.#overloaded(`a place did not come free within ${queueTimeoutMs} ms`))
      }, queueTimeoutMs)
      this.#line.add(waiting)
      signal.addEventListener('abort', abort)
      if (signal.aborted) abort()
    })
  }

  #overloaded(reason: string): StackError {
    // Nobody knows when a call ends; a second is what most clients wait for at least.
    return new StackError('provider_overloaded', { provider: this.#provider, reason, retryAfterMs: 1000 })
  }
}
