/** Keeps a number of workers running: starts them, starts one that died again, ends them all. */
import { bug, StackError } from '@llama-stack/api'
import type { Log } from '@llama-stack/api'
import type { Serving } from './announce.ts'
import { toWorkerError } from './worker-messages.ts'
import type { FromWorker, ToWorker } from './worker-messages.ts'

/** A worker's process, as the pool sees it. */
export interface WorkerProcess {
  readonly pid: number
  send(message: ToWorker): void
  /** Ends it at once. */
  kill(): void
}

/** What a process tells the pool. */
export interface WorkerEvents {
  onMessage(message: FromWorker): void
  /** How it ended, in words: `code 1`, `signal SIGKILL`. */
  onExit(how: string): void
}

export interface WorkerPoolOptions {
  readonly count: number
  /** Starts the process of this number, counted from 1. */
  readonly fork: (number: number, events: WorkerEvents) => WorkerProcess
  /** What a worker is told to open. */
  readonly toOpen: (number: number) => ToWorker
  readonly log: Log
  /** The first pause before a worker is started again; it doubles with each early end. Default: 100 ms. */
  readonly restartAfterMs?: number
}

export interface WorkerPool extends AsyncDisposable {
  /** Resolves when all have opened their stacks, the first before the others: it creates what all of them find. */
  open(): Promise<void>
  /** Resolves when all listen; rejects with the first refusal, after which another port may be tried. */
  listen(port: number | undefined): Promise<readonly Serving[]>
  /** Lets all of them end their requests, and ends those at once that take longer. */
  drain(timeoutMs: number): Promise<void>
  readonly pids: readonly number[]
}

const RESTART_AFTER_MS = 100
/** The longest pause: so often a worker is started that cannot live. */
const MAX_RESTART_AFTER_MS = 10_000
/** A worker that lived so long did not die of its start. */
const SETTLED_MS = 60_000

/** Creates the pool; nothing runs until it is opened. Disposing ends every process at once. */
export function createWorkerPool(options: WorkerPoolOptions): WorkerPool {
  const state: PoolState = { ending: false, listens: false, port: undefined }
  const slots = Array.from({ length: options.count }, (_, index) => new WorkerSlot(index + 1, options, state))
  const allEnded = (): Promise<unknown> => Promise.all(slots.map((slot) => slot.ended()))
  return {
    get pids() {
      return slots.flatMap(({ pid }) => pid ?? [])
    },
    async open() {
      const [first = bug('a pool without workers'), ...others] = slots
      await first.open()
      await Promise.all(others.map((slot) => slot.open()))
    },
    async listen(port) {
      // All have answered before anything else is asked of them.
      const answers = await Promise.allSettled(slots.map((slot) => slot.listen(port)))
      const serving = answers.map((answer) => {
        if (answer.status === 'rejected') throw answer.reason
        return answer.value
      })
      state.port = port
      state.listens = true
      return serving
    },
    async drain(timeoutMs) {
      state.ending = true
      for (const slot of slots) slot.drain()
      const timer = setTimeout(() => slots.forEach((slot) => slot.kill()), timeoutMs)
      await allEnded()
      clearTimeout(timer)
    },
    async [Symbol.asyncDispose]() {
      state.ending = true
      for (const slot of slots) slot.kill()
      await allEnded()
    },
  }
}

interface PoolState {
  /** An end is no accident any more. */
  ending: boolean
  /** Whether a worker that is started again is to listen. */
  listens: boolean
  port: number | undefined
}

/** What is waited for from a process: its answer, or its end. */
type Answer = PromiseWithResolvers<FromWorker>

/** The place of one worker, which several processes may fill one after the other. */
class WorkerSlot {
  readonly #number: number
  readonly #options: WorkerPoolOptions
  readonly #state: PoolState
  #process: WorkerProcess | undefined
  #answer: Answer | undefined
  #exited: PromiseWithResolvers<void> | undefined
  #restart: NodeJS.Timeout | undefined
  #startedAtMs = 0
  #earlyEnds = 0

  constructor(number: number, options: WorkerPoolOptions, state: PoolState) {
    this.#number = number
    this.#options = options
    this.#state = state
  }

  get pid(): number | undefined {
    return this.#process?.pid
  }

  async open(): Promise<void> {
    const exited = Promise.withResolvers<void>()
    this.#exited = exited
    this.#startedAtMs = performance.now()
    this.#process = this.#options.fork(this.#number, {
      onMessage: (message) => this.#answer?.resolve(message),
      onExit: (how) => {
        exited.resolve()
        this.#process = undefined
        this.#onExit(how)
      },
    })
    const answer = await this.#ask(this.#options.toOpen(this.#number))
    if (answer.kind !== 'opened') throw toError(answer)
  }

  async listen(port: number | undefined): Promise<Serving> {
    const answer = await this.#ask({ kind: 'listen', ...(port === undefined ? {} : { port }) })
    if (answer.kind !== 'listening') throw toError(answer)
    return answer.serving
  }

  drain(): void {
    clearTimeout(this.#restart)
    this.#process?.send({ kind: 'drain' })
  }

  kill(): void {
    clearTimeout(this.#restart)
    this.#process?.kill()
  }

  async ended(): Promise<void> {
    if (this.#process !== undefined) await this.#exited?.promise
  }

  #ask(message: ToWorker): Promise<FromWorker> {
    this.#answer = Promise.withResolvers()
    this.#process?.send(message)
    return this.#answer.promise
  }

  #onExit(how: string): void {
    const { log, restartAfterMs = RESTART_AFTER_MS } = this.#options
    // Before it listens somebody waits for it, and decides.
    this.#answer?.resolve({ kind: 'broke', reason: `worker ${this.#number} ended with ${how}` })
    if (this.#state.ending || !this.#state.listens) return
    const livedMs = performance.now() - this.#startedAtMs
    this.#earlyEnds = livedMs < SETTLED_MS ? this.#earlyEnds + 1 : 1
    const afterMs = Math.min(restartAfterMs * 2 ** (this.#earlyEnds - 1), MAX_RESTART_AFTER_MS)
    log.error('A worker ended; another takes its place.', { worker: this.#number, ended: how, afterMs })
    this.#restart = setTimeout(() => {
      this.#startAgain().catch((error: unknown) => {
        log.error('A worker could not be started again.', { worker: this.#number, reason: String(error) })
        // Its end makes the next attempt.
        this.#process?.kill()
      })
    }, afterMs)
  }

  async #startAgain(): Promise<void> {
    await this.open()
    await this.listen(this.#state.port)
    this.#options.log.info('A worker serves again.', { worker: this.#number, pid: this.pid ?? null })
  }
}

function toError(answer: FromWorker): StackError {
  if (answer.kind === 'failed') return toWorkerError(answer)
  return new StackError('worker_failed', { reason: answer.kind === 'broke' ? answer.reason : answer.kind })
}
