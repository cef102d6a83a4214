/**
 * The responses that this process is making: who reads along, who may cancel, and the leases of those that have to be
 * finished whatever happens.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log, Principal } from '@llama-stack/api'
import { isStackError } from '@llama-stack/api'
import type { JobQueue, NewJob } from '../../../storage/agent-state.ts'
import { RESPONSE_JOB } from '../response-job.ts'
import type { EventFeed } from './event-feed.ts'
import type { EndedResponse, ResponseRun } from './response-run.ts'
import { CANCELLED, DISOWNED, SUSPENDED } from './run-end.ts'

export interface ActiveRun {
  readonly run: ResponseRun
  /** Undefined where nobody reads events. */
  readonly feed: EventFeed | undefined
  readonly principal: Principal
  /** Settles when the run has ended, however. */
  readonly ended: Promise<EndedResponse | undefined>
}

export interface ActiveRunsOptions {
  readonly jobs: JobQueue
  readonly log: Log
  /** Names this process in leases. */
  readonly worker: string
  readonly leaseMs: number
}

/** How long a process that ends waits for calls of tools. */
const CALLS_MS = 2000

export class ActiveRuns implements AsyncDisposable {
  readonly #options: ActiveRunsOptions
  /** Emptied when a run has ended: a map that many pass through keeps them for longer (kernel/placed-list.ts tells why). */
  readonly #runs = new Map<string, { active: ActiveRun | undefined }>()
  /** Runs whose leases this process holds. */
  readonly #leased = new Set<string>()
  #renewing: NodeJS.Timeout | undefined
  /** Runs that are being kept for the first time. */
  readonly #persisting = new Map<string, Promise<boolean>>()
  #isClosing = false

  constructor(options: ActiveRunsOptions) {
    this.#options = options
  }

  get isClosing(): boolean {
    return this.#isClosing
  }

  find(id: string, principal: Principal): ActiveRun | undefined {
    const active = this.#runs.get(id)?.active
    return active?.principal.id === principal.id ? active : undefined
  }

  /** Starts a run. It settles by itself: nobody has to wait for it. */
  start(run: ResponseRun, feed: EventFeed | undefined, principal: Principal): Promise<EndedResponse> {
    const running = run.run()
    const ended = running.then(
      (response) => response,
      () => undefined,
    )
    const slot: { active: ActiveRun | undefined } = { active: { run, feed, principal, ended } }
    this.#runs.set(run.id, slot)
    void ended.then(() => {
      slot.active = undefined
      this.#runs.delete(run.id)
      this.#leased.delete(run.id)
    })
    return running
  }

  /** Keeps a run while it goes on, so that it survives this process. */
  async persist(run: ResponseRun): Promise<void> {
    const persisting = run.persist(this.#toJob(run.id))
    this.#persisting.set(run.id, persisting)
    try {
      // The lease is there from now on, and not before.
      if (await persisting) this.hold(run.id)
    } finally {
      this.#persisting.delete(run.id)
    }
  }

  #toJob(responseId: string): NewJob {
    const { worker, leaseMs } = this.#options
    return { id: responseId, kind: RESPONSE_JOB, payload: { response_id: responseId }, worker, leaseMs }
  }

  /** This process has the lease of a response's job, and renews it. */
  hold(responseId: string): void {
    this.#leased.add(responseId)
    if (this.#isClosing) return
    this.#renewing ??= setInterval(() => void this.#renew(), this.#options.leaseMs / 3).unref()
  }

  /** The client of a run has left: what is stored goes on without it. */
  leave(run: ResponseRun, isStored: boolean): void {
    if (!this.#runs.has(run.id) || this.#leased.has(run.id) || this.#persisting.has(run.id)) return
    if (!isStored) {
      run.stop(DISOWNED)
      return
    }
    this.persist(run).catch((error: unknown) => {
      const reason = isStackError(error) ? error.message : String(error)
      this.#options.log.error('A response whose client left could not be kept.', { response: run.id, reason })
      run.stop(DISOWNED)
    })
  }

  /** Whether this process is making the response, whosever it is. */
  has(id: string): boolean {
    return this.#runs.has(id)
  }

  /** Cancels a run of this process; false where it is not here. */
  async cancel(id: string, principal: Principal): Promise<boolean> {
    const active = this.find(id, principal)
    if (active === undefined) return false
    active.run.stop(CANCELLED)
    await active.ended
    return true
  }

  /** Ends a run whose response is deleted. */
  async disown(id: string, principal: Principal): Promise<void> {
    const active = this.find(id, principal)
    active?.run.stop(DISOWNED)
    await active?.ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosing = true
    await Promise.allSettled(this.#persisting.values())
    const active = [...this.#runs.values()].flatMap((slot) => slot.active ?? [])
    const leased = [...this.#leased]
    await this.#letCallsEnd(active.filter(({ run }) => this.#leased.has(run.id)))
    for (const { run } of active) run.stop(SUSPENDED)
    await Promise.all(active.map(({ ended }) => ended))
    clearInterval(this.#renewing)
    await Promise.all(leased.map((id) => this.#release(id)))
  }

  /** A call that ends now has an outcome for whoever goes on; one that is broken off may have had its effect or not. */
  async #letCallsEnd(active: readonly ActiveRun[]): Promise<void> {
    const wait = new AbortController()
    const ended = Promise.all(active.map(({ run }) => run.callsSettled()))
    await Promise.race([ended, sleep(CALLS_MS, undefined, { signal: wait.signal })])
    wait.abort()
  }

  /** Whoever looks next may go on at once. */
  async #release(id: string): Promise<void> {
    const { jobs, worker, log } = this.#options
    try {
      await jobs.release(id, worker)
    } catch (error) {
      log.warn('A lease could not be given back.', { response: id, reason: String(error) })
    }
  }

  async #renew(): Promise<void> {
    const { jobs, worker, leaseMs, log } = this.#options
    await Promise.all(
      [...this.#leased].map(async (id) => {
        try {
          if (await jobs.renew(id, { worker, leaseMs })) return
          // The response has ended, or another process has it by now.
          this.#leased.delete(id)
          this.#runs.get(id)?.active?.run.stop(DISOWNED)
        } catch (error) {
          // The lease has two more thirds to run.
          log.warn('A lease could not be renewed.', { response: id, reason: String(error) })
        }
      }),
    )
  }
}
