/** One call to one target: the places that it takes, the signal that ends it, and what it says of the target's health. */
import type { CallContext } from '@llama-stack/api'
import { isStackError, StackError } from '@llama-stack/api'
import { toHealthFailure } from '../providers/provider-health.ts'
import type { Permit } from './circuit-breaker.ts'
import { EventsStream } from './events-stream.ts'
import type { ExecutorWorld } from './executor-world.ts'
import type { AnyReply, BrokenStream, Operation } from './operation.ts'
import type { Target } from './target.ts'

/** A call that failed counts as a slow one, so that a target which fails fast does not draw all calls. */
const FAILED_MS = 10_000

/** What the attempts of one request share. */
export interface AttemptSurroundings {
  readonly context: CallContext
  readonly world: ExecutorWorld
  /**
   * Whether what comes of an attempt says something of the target's health. With keys or addresses of the caller's own, a
   * failure may be the caller's own too: it must not close the target to all.
   */
  readonly isSample: boolean
}

export class Attempt {
  readonly target: Target
  readonly #world: ExecutorWorld
  readonly #context: CallContext
  readonly #isSample: boolean
  readonly #controller = new AbortController()
  readonly #startedMs: number
  /** Undefined where the call is no sample of the target's health. */
  #permit: Permit | undefined
  #hasPlace = false
  #hasBegun = false
  #isJudged = false
  #isOver = false

  constructor(target: Target, { context, world, isSample }: AttemptSurroundings, nowMs: number) {
    this.target = target
    this.#context = context
    this.#world = world
    this.#isSample = isSample
    this.#startedMs = nowMs
  }

  /** Whether the provider was called: a target that is full or left alone was not. */
  get hasBegun(): boolean {
    return this.#hasBegun
  }

  /** Whether the client left, or nobody waits for this attempt any more. */
  get isCancelled(): boolean {
    return this.#controller.signal.aborted
  }

  /** Asks the target. Where the reply streams, the attempt goes on until it is told how the stream ended. */
  async start<R extends AnyReply>(operation: Operation<R>, resumed: BrokenStream | undefined): Promise<R> {
    try {
      this.#link()
      if (this.target.bulkhead === undefined || this.#world.once) this.#enter(this.#startedMs)
      else {
        const waiting = this.target.bulkhead.enter(this.#controller.signal)
        if (waiting !== undefined) await waiting
        this.#hasPlace = true
        this.#enter(this.#world.clock.monotonic())
      }
      const context = { ...this.#context, signal: this.#controller.signal }
      const reply = toByteReply(await operation.attempt(this.target, { context, resumed }))
      if (reply.kind !== 'stream') {
        this.succeed()
        this.close()
      }
      return reply
    } catch (error) {
      this.fail(error)
      throw error
    }
  }

  /** Ends the call, unless it is over. The reason says on whose behalf. */
  cancel(reason: unknown): void {
    if (!this.#isOver) this.#controller.abort(reason)
  }

  /** The client left. */
  handleEvent(): void {
    this.cancel(this.#context.signal.reason)
  }

  /** The target answered: the first content of a stream is enough. */
  succeed(): void {
    if (this.#isJudged) return
    this.#isJudged = true
    const { breaker, latency, health } = this.target
    const nowMs = this.#world.clock.monotonic()
    latency.note(nowMs - this.#startedMs, nowMs)
    if (this.#permit === undefined) return
    breaker.succeed(this.#permit, nowMs)
    health.succeed('traffic', nowMs)
  }

  /** The attempt ended with an error; it is judged by the facts of the error table. */
  fail(error: unknown): void {
    if (this.#isOver) return
    if (!this.#hasBegun) this.#noteUnsent(error)
    else this.#judge(error)
    this.close()
  }

  /** Gives back what the attempt holds. */
  close(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#context.signal.removeEventListener('abort', this)
    if (this.#hasBegun) this.target.latency.inFlight -= 1
    if (this.#hasPlace) this.target.bulkhead?.leave()
    if (this.#permit !== undefined && !this.#isJudged) this.target.breaker.leave(this.#permit)
  }

  #link(): void {
    const { signal } = this.#context
    signal.addEventListener('abort', this)
    if (signal.aborted) this.handleEvent()
  }

  #enter(nowMs: number): void {
    const { breaker, latency } = this.target
    if (this.#isSample) {
      this.#permit = breaker.enter(nowMs)
      if (this.#permit === undefined) throw toUnavailable(this.target, nowMs)
    }
    this.#hasBegun = true
    latency.inFlight += 1
  }

  #judge(thrown: unknown): void {
    const { breaker, latency, health } = this.target
    const nowMs = this.#world.clock.monotonic()
    const error = this.#toCause(thrown)
    if (this.#permit === undefined || error === undefined) return
    const retryAfterMs = retryAfterMsOf(error)
    if (retryAfterMs !== undefined) this.target.notBeforeMs = nowMs + retryAfterMs
    if (error.blames) {
      this.#isJudged = true
      latency.note(Math.max(nowMs - this.#startedMs, FAILED_MS), nowMs)
      breaker.fail(this.#permit, nowMs)
      health.fail('traffic', toHealthFailure(error), nowMs)
      this.target.lastFailure = { code: error.code, message: error.message, atMs: this.#world.clock.now() }
    } else if ('status' in error.details) {
      // The vendor answered, and refused the request itself: it is well.
      this.#isJudged = true
      breaker.succeed(this.#permit, nowMs)
      health.succeed('traffic', nowMs)
    }
  }

  /** What the attempt failed of; undefined where it tells nothing about the target. */
  #toCause(thrown: unknown): StackError | undefined {
    const { aborted, reason } = this.#controller.signal
    if (isStackError(reason, 'deadline_exceeded')) {
      const provider = this.target.provider.id
      return new StackError('provider_timeout', { provider, reason: 'the deadline of the request passed' })
    }
    return isStackError(thrown) && !aborted ? thrown : undefined
  }

  /** What never reached a provider has no observer to note it. */
  #noteUnsent(error: unknown): void {
    const { record } = this.#context
    if (record === undefined || this.isCancelled) return
    const durationMs = this.#world.clock.monotonic() - this.#startedMs
    const errorCode = isStackError(error) ? error.code : 'internal_error'
    const { provider, model } = this.target
    ;(record.attempts ??= []).push({ providerId: provider.id, model, status: null, errorCode, durationMs })
  }
}

/** How long the vendor asked to be left alone. */
export function retryAfterMsOf({ details }: StackError): number | undefined {
  // Only some rows have it.
  const { retryAfterMs }: { readonly retryAfterMs?: number } = details
  return retryAfterMs
}

/** The error for a target that is left alone. */
export function toUnavailable({ provider, model, breaker, lastFailure }: Target, nowMs: number): StackError {
  return new StackError('provider_unavailable', {
    provider: provider.id,
    model,
    lastFailure: lastFailure?.message ?? 'unknown',
    retryAfterMs: breaker.retryAfterMs(nowMs),
  })
}

/** Typed events are framed here, so that every streamed reply can be watched and mended in the same way. */
function toByteReply<R extends AnyReply>(reply: R): R {
  if (reply.kind !== 'events') return reply
  const { headers } = reply
  const stream = new EventsStream(reply.events)
  // A reply that may be events may be a stream too: a vendor that speaks OpenAI's protocol answers with one.
  return { kind: 'stream', stream, contentType: 'text/event-stream', ...(headers && { headers }) } as unknown as R
}
