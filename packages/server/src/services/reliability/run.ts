/** One request on its way through the targets of its route, from its first attempt to the one that answers. */
import type { CallContext, FailedAttempt, ReplyHeaders } from '@llama-stack/api'
import { bug, isStackError, StackError } from '@llama-stack/api'
import { toAttemptsText } from '../../kernel/header-text.ts'
import { pause } from '../../kernel/pause.ts'
import { stackHeaders } from '../../kernel/stack-headers.ts'
import type { RouteTarget } from '../models/route.ts'
import { Attempt, retryAfterMsOf, toUnavailable } from './attempt.ts'
import type { AttemptSurroundings } from './attempt.ts'
import { toBackoffMs } from './backoff.ts'
import { arrange } from './balance.ts'
import type { Overdue } from './deadline-ticker.ts'
import type { ExecutorWorld } from './executor-world.ts'
import { CALLED_OFF, holdRace } from './hedge.ts'
import type { Served } from './hedge.ts'
import type { AnyReply, BrokenStream, Operation } from './operation.ts'
import { toSessionKey } from './session-key.ts'
import type { Target } from './target.ts'

export class Run<R extends AnyReply> implements Overdue, AttemptSurroundings {
  readonly world: ExecutorWorld
  readonly context: CallContext
  readonly isSample: boolean
  dueMs: number
  place: number | undefined = undefined
  readonly #operation: Operation<R>
  /** The targets to ask; the first is the one that is asked now. */
  readonly #left: RouteTarget[]
  /** How often that one was asked. */
  #tries = 0
  #running: Attempt | undefined
  #hedge: Attempt | undefined
  #failed: FailedAttempt[] | undefined
  #lastError: StackError | undefined
  #isLate = false

  constructor(operation: Operation<R>, world: ExecutorWorld) {
    const nowMs = world.clock.monotonic()
    this.#operation = operation
    this.world = world
    this.context = operation.context
    this.isSample = !world.once && isEmpty(operation.context.providerData)
    this.dueMs = nowMs + world.policy.deadlineMs
    this.#left = toOrder(operation, world, nowMs)
  }

  /** Whether a stream that breaks off after its first content may be continued. */
  get continues(): boolean {
    const { policy, once } = this.world
    return !once && (this.#operation.route.continuation ?? policy.continuation)
  }

  /** Asks one target after the other until one answers. Rejects with the last error. */
  async serve(resumed?: BrokenStream): Promise<Served<R>> {
    const { hedgeAfterMs } = this.#operation.route
    this.world.ticker.add(this)
    try {
      for (;;) {
        const attempt = (this.#running = this.#next())
        try {
          if (hedgeAfterMs !== undefined && this.#left.length > 1)
            return await this.#race(attempt, hedgeAfterMs, resumed)
          return { attempt, reply: await attempt.start(this.#operation, resumed) }
        } catch (error) {
          this.#note(attempt, error)
          await this.#decide(attempt, error)
        }
      }
    } finally {
      this.world.ticker.delete(this)
    }
  }

  /** Whether anything may follow a stream that broke off with this error. */
  mayResume(error: StackError, broken: BrokenStream): boolean {
    if (this.world.once || !error.failover || this.context.signal.aborted) return false
    return (!broken.hasContent || this.continues) && this.#operation.canResume(broken)
  }

  /** Goes on after a stream that broke off. */
  async resume(attempt: Attempt, error: StackError, broken: BrokenStream): Promise<Served<R>> {
    // A stream that flowed may have done so for longer than any deadline.
    if (broken.hasContent) this.dueMs = this.world.clock.monotonic() + this.world.policy.deadlineMs
    this.#note(attempt, error)
    await this.#decide(attempt, error)
    return this.serve(broken.sent.length === 0 ? undefined : broken)
  }

  /** What the reply says of how it came about. */
  describe({ target }: Attempt, headers: ReplyHeaders | undefined): ReplyHeaders {
    if (this.#failed === undefined && headers === undefined) return target.headers
    const all = this.#failed && [...this.#failed, { provider: target.provider.id, code: 'ok' }]
    return { ...target.headers, ...(all && { [stackHeaders.attempts]: toAttemptsText(all) }), ...headers }
  }

  /** The deadline has passed. */
  expire(): void {
    this.#isLate = true
    const reason = this.#toLate()
    this.#running?.cancel(reason)
    this.#hedge?.cancel(reason)
  }

  /** An attempt at the first target that can be asked. */
  #next(): Attempt {
    const nowMs = this.world.clock.monotonic()
    for (;;) {
      const [first] = this.#left
      if (first === undefined) throw this.#toFinal(nowMs)
      if (this.#canAsk(first.target, nowMs)) return new Attempt(first.target, this, nowMs)
      this.#skip()
    }
  }

  #skip(): void {
    this.#left.shift()
    this.#tries = 0
  }

  #canAsk({ breaker }: Target, nowMs: number): boolean {
    return !this.isSample || breaker.admits(nowMs)
  }

  async #race(attempt: Attempt, hedgeAfterMs: number, resumed: BrokenStream | undefined): Promise<Served<R>> {
    const served = await holdRace<R>({
      first: attempt,
      afterMs: hedgeAfterMs,
      addSecond: () => (this.#hedge = this.#takeSecond()),
      start: (each) => each.start(this.#operation, resumed),
      onLost: (each, error) => this.#note(each, error),
    })
    const { record } = this.context
    if (record !== undefined) {
      record.providerId = served.attempt.target.provider.id
      record.providerModel = served.attempt.target.model
    }
    return served
  }

  #takeSecond(): Attempt | undefined {
    const nowMs = this.world.clock.monotonic()
    const at = this.#left.findIndex(({ target }, index) => index > 0 && this.#canAsk(target, nowMs))
    const [second] = at === -1 ? [] : this.#left.splice(at, 1)
    return second === undefined ? undefined : new Attempt(second.target, this, nowMs)
  }

  #note({ target }: Attempt, error: unknown): void {
    const code = isStackError(error) ? error.code : error === CALLED_OFF ? 'cancelled' : 'internal_error'
    ;(this.#failed ??= []).push({ provider: target.provider.id, code: this.#isLate ? 'provider_timeout' : code })
    if (isStackError(error)) this.#lastError = error
  }

  /** Returns when the next attempt may begin; throws when there is none. */
  async #decide(attempt: Attempt, error: unknown): Promise<void> {
    const { signal } = this.context
    if (this.#isLate) throw this.#toLate()
    if (!isStackError(error) || signal.aborted || this.world.once) throw error
    this.#tries += 1
    const waitMs = attempt.hasBegun ? this.#toWait(attempt.target, error) : undefined
    if (waitMs !== undefined) {
      await pause(waitMs, signal)
      if (signal.aborted) throw error
      // The signal of the pause is the client's alone.
      if (this.#isLate) throw this.#toLate()
      return
    }
    if (!error.failover) throw this.#toFinal(0)
    this.#skip()
  }

  /** How long until the same target is asked again; undefined: it is not. */
  #toWait(target: Target, error: StackError): number | undefined {
    const { policy, clock, random } = this.world
    if (!error.retryable || !error.failover || this.#tries > (this.#operation.route.retries ?? policy.retries)) return
    const nowMs = clock.monotonic()
    const retryAfterMs = retryAfterMsOf(error)
    // Nobody waits for a vendor that is busy while another can be asked.
    if (retryAfterMs !== undefined && this.#left.some((other) => this.#isReady(other.target, nowMs))) return
    const waitMs = toBackoffMs(policy.backoff, { tries: this.#tries, retryAfterMs, random })
    if (waitMs === undefined || nowMs + waitMs >= this.dueMs || !this.#canAsk(target, nowMs + waitMs)) return
    return waitMs
  }

  #isReady(target: Target, nowMs: number): boolean {
    return target.notBeforeMs <= nowMs && this.#canAsk(target, nowMs)
  }

  /** The error of the whole request: the last one, with all that was tried. */
  #toFinal(nowMs: number): StackError {
    const error = this.#lastError
    if (error === undefined) return toUnavailable(this.#soonest(nowMs), nowMs)
    if (this.#failed === undefined || this.#failed.length < 2) return error
    return new StackError(error.code, error.details, { cause: error.cause ?? error, attempts: this.#failed })
  }

  #soonest(nowMs: number): Target {
    const targets = this.#operation.route.targets.map(({ target }) => target)
    const [soonest] = targets.sort((a, b) => a.breaker.retryAfterMs(nowMs) - b.breaker.retryAfterMs(nowMs))
    return soonest ?? bug('a route without a target')
  }

  #toLate(): StackError {
    const { deadlineMs } = this.world.policy
    return new StackError('deadline_exceeded', { deadlineMs }, this.#failed && { attempts: this.#failed })
  }
}

/**
 * The targets of the route in the order in which this request asks them: the one that knows the conversation first, those
 * that asked for a pause last.
 */
function toOrder({ route, request, prefers }: Operation<AnyReply>, world: ExecutorWorld, nowMs: number): RouteTarget[] {
  const { targets, strategy } = route
  if (targets.length === 1 || world.once) return [targets[0]]
  const { random } = world
  const arranged = arrange(targets, { strategy, random, nowMs, sessionKey: () => toSessionKey(request) })
  const rank = ({ target }: RouteTarget): number => (target.notBeforeMs > nowMs ? 2 : target.name === prefers ? 0 : 1)
  return [0, 1, 2].flatMap((wanted) => arranged.filter((each) => rank(each) === wanted))
}

function isEmpty(map: object): boolean {
  for (const _ in map) return false
  return true
}
