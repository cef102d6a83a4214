/** Equal calls that are under way at the same time, made once. */
import type { CallContext, RequestRecord } from '@llama-stack/api'
import { isSameBody } from './call-identity.ts'
import type { CallIdentity } from './call-identity.ts'

/** What one of several callers gets. */
export interface Shared<Result> {
  readonly result: Result
  /** Whether another caller's request stands for the call that was made. */
  readonly joined: boolean
}

export class SharedCalls<Result> {
  /** By the circumstances of their identities. */
  readonly #underWay = new Map<string, Set<SharedCall<Result>>>()

  /**
   * Waits for the equal call that is under way, or makes it. It goes on until the last of its callers has left; each of them
   * may leave at any time.
   */
  join(
    identity: CallIdentity,
    context: CallContext,
    make: (context: CallContext) => Promise<Result>,
  ): Promise<Shared<Result>> {
    for (const known of this.#underWay.get(identity.circumstances) ?? []) {
      if (isSameBody(known.identity, identity)) return known.add(context)
    }
    const call = new SharedCall<Result>(identity, () => this.#remove(call))
    this.#add(call)
    const waiting = call.add(context)
    call.start(make, context)
    return waiting
  }

  #add(call: SharedCall<Result>): void {
    const { circumstances } = call.identity
    const alike = this.#underWay.get(circumstances)
    if (alike === undefined) this.#underWay.set(circumstances, new Set([call]))
    else alike.add(call)
  }

  #remove(call: SharedCall<Result>): void {
    const { circumstances } = call.identity
    const alike = this.#underWay.get(circumstances)
    alike?.delete(call)
    if (alike?.size === 0) this.#underWay.delete(circumstances)
  }
}

interface Waiter<Result> {
  readonly context: CallContext
  readonly resolve: (shared: Shared<Result>) => void
  readonly reject: (error: unknown) => void
}

class SharedCall<Result> {
  readonly identity: CallIdentity
  readonly #controller = new AbortController()
  readonly #record: RequestRecord = {}
  /** The first of them stands for the call. */
  readonly #waiters = new Set<Waiter<Result>>()
  /** From then on nobody may join. */
  readonly #onOver: () => void

  constructor(identity: CallIdentity, onOver: () => void) {
    this.identity = identity
    this.#onOver = onOver
  }

  add(context: CallContext): Promise<Shared<Result>> {
    const { signal } = context
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiters.delete(waiter)
        reject(signal.reason as Error)
        if (this.#waiters.size > 0) return
        this.#onOver()
        this.#controller.abort(signal.reason)
      }
      const stay = (settle: () => void): void => {
        signal.removeEventListener('abort', leave)
        settle()
      }
      const waiter: Waiter<Result> = {
        context,
        resolve: (shared) => stay(() => resolve(shared)),
        reject: (error) => stay(() => reject(error as Error)),
      }
      this.#waiters.add(waiter)
      signal.addEventListener('abort', leave, { once: true })
      if (signal.aborted) leave()
    })
  }

  start(make: (context: CallContext) => Promise<Result>, context: CallContext): void {
    make({ ...context, signal: this.#controller.signal, record: this.#record }).then(
      (result) => {
        this.#onOver()
        for (const [index, waiter] of this.#tell()) waiter.resolve({ result, joined: index > 0 })
      },
      (error: unknown) => {
        this.#onOver()
        for (const [, waiter] of this.#tell()) waiter.reject(error)
      },
    )
  }

  /** Notes for each waiter what is known of the call; who stands for it has its attempts too. */
  #tell(): [number, Waiter<Result>][] {
    const waiters = [...this.#waiters.values()]
    const { attempts, firstByteMs, ...facts } = this.#record
    for (const [index, { context }] of waiters.entries()) {
      if (context.record === undefined) continue
      Object.assign(context.record, facts)
      if (index > 0) continue
      if (attempts !== undefined) context.record.attempts = attempts
      if (firstByteMs !== undefined) context.record.firstByteMs = firstByteMs
    }
    return [...waiters.entries()]
  }
}
