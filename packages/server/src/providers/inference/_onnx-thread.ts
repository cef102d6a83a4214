/**
 * A model in a thread of its own, so that nothing it does holds up the event loop.
 *
 * Waiting requests are served in portions to which each gives one text in turn: small requests ride along with large ones,
 * and a request whose caller left is gone by the next portion. The thread starts with the first request and ends when there
 * was none for a while.
 */
import { Worker } from 'node:worker_threads'
import type { Log } from '@llama-stack/api'
import { StackError } from '@llama-stack/api'
import { toInstallCommand } from '../../kernel/optional-package.ts'
import { onnxRuntimePackage } from './_onnx-runtime.ts'
import type { ModelInput, ModelOutput, ThreadReply, ThreadRequest, ThreadSettings } from './_onnx-thread-messages.ts'

export interface ModelThreadOptions extends ThreadSettings {
  /** The id of the provider, named in errors. */
  readonly provider: string
  readonly log: Log
  /** Without work for so long, the thread ends and the weights leave the memory. */
  readonly idleMs: number
  /** How many texts may wait; what comes then is refused. */
  readonly maxWaiting: number
}

/** A portion is small enough that a second request does not wait long for the first. */
const MAX_PORTION_TEXTS = 64
const MAX_PORTION_CHARACTERS = 32_768
/** A guess: about what a portion takes. */
const RETRY_AFTER_MS = 1000

/** The file of the thread: beside the sources as it is, beside the bundle as tools/build.ts names it. */
const workerUrl = new URL(import.meta.url.endsWith('.ts') ? './_onnx-worker.ts' : './onnx-worker.mjs', import.meta.url)

/** A request that waits for some of its texts. */
interface Job {
  readonly inputs: readonly ModelInput[]
  /** The first text that was not sent yet. */
  next: number
  done: number
  readonly rows: Float32Array[]
  readonly tokens: number[]
  resolve(): void
  reject(reason: unknown): void
}

interface PortionEntry {
  readonly job: Job
  readonly index: number
}

/** What a request comes to: a row of numbers and a count of tokens for each input. */
export interface ComputedRows {
  readonly rows: readonly Float32Array[]
  readonly tokens: readonly number[]
}

/** The serving side of one model's thread. */
export class ModelThread implements AsyncDisposable {
  readonly #options: ModelThreadOptions
  #worker: Worker | undefined
  #queue: Job[] = []
  #portion: readonly PortionEntry[] = []
  #waiting = 0
  #idle: NodeJS.Timeout | undefined
  #disposed = false
  readonly #ending = new Set<Promise<void>>()

  constructor(options: ModelThreadOptions) {
    this.#options = options
  }

  /** Whether the weights are in memory, or on their way. */
  get isLoaded(): boolean {
    return this.#worker !== undefined
  }

  /** Computes each input. Rejects with `provider_overloaded`, `local_model_invalid`, or the signal's reason. */
  async run(inputs: readonly ModelInput[], signal: AbortSignal): Promise<ComputedRows> {
    signal.throwIfAborted()
    if (this.#disposed) throw new StackError('server_shutting_down', {})
    const { maxWaiting, provider } = this.#options
    if (this.#waiting >= maxWaiting) {
      const reason = `${this.#waiting} texts are waiting for ${this.#options.model.id}`
      throw new StackError('provider_overloaded', { provider, reason, retryAfterMs: RETRY_AFTER_MS })
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const job: Job = { inputs, next: 0, done: 0, rows: [], tokens: [], resolve, reject }
    const leave = (): void => {
      this.#drop(job)
      reject(signal.reason)
    }
    signal.addEventListener('abort', leave, { once: true })
    this.#queue.push(job)
    this.#waiting += inputs.length
    try {
      this.#sendPortion()
      await promise
    } finally {
      signal.removeEventListener('abort', leave)
    }
    return job
  }

  #drop(job: Job): void {
    const before = this.#queue.length
    this.#queue = this.#queue.filter((queued) => queued !== job)
    if (this.#queue.length < before) this.#waiting -= job.inputs.length - job.next
  }

  #sendPortion(): void {
    if (this.#portion.length > 0) return
    if (this.#queue.length === 0) {
      this.#rest()
      return
    }
    this.#portion = this.#takePortion()
    const request: ThreadRequest = {
      kind: 'run',
      inputs: this.#portion.flatMap(({ job, index }) => job.inputs[index] ?? []),
    }
    clearTimeout(this.#idle)
    this.#worker ??= this.#start()
    // Whoever waits for a result keeps the process; a thread that rests does not.
    this.#worker.ref()
    this.#worker.postMessage(request)
  }

  #takePortion(): PortionEntry[] {
    const portion: PortionEntry[] = []
    let characters = 0
    while (portion.length < MAX_PORTION_TEXTS && characters < MAX_PORTION_CHARACTERS) {
      const job = this.#queue.shift()
      if (job === undefined) break
      characters += countCharacters(job.inputs[job.next])
      portion.push({ job, index: job.next })
      job.next += 1
      this.#waiting -= 1
      if (job.next < job.inputs.length) this.#queue.push(job)
    }
    return portion
  }

  #start(): Worker {
    const { runtime, model, threads } = this.#options
    const settings: ThreadSettings = { runtime, model, threads }
    const worker = new Worker(workerUrl, { workerData: settings })
    worker.on('message', (reply: ThreadReply) => {
      if (reply.kind === 'done') this.#settle(reply)
      else this.#fail(reply)
    })
    worker.on('error', (error) => this.#lose(worker, error instanceof Error ? error.message : String(error)))
    worker.on('exit', () => this.#lose(worker, 'its thread ended'))
    return worker
  }

  #settle({ values, width, tokens }: ModelOutput): void {
    const portion = this.#portion
    this.#portion = []
    for (const [row, { job, index }] of portion.entries()) {
      job.rows[index] = values.subarray(row * width, (row + 1) * width)
      job.tokens[index] = tokens[row] ?? 0
      job.done += 1
      if (job.done === job.inputs.length) job.resolve()
    }
    this.#sendPortion()
  }

  /** What the runtime cannot do with one portion it may do with the next; a model that cannot be loaded stays so. */
  #fail({ stage, reason }: Extract<ThreadReply, { kind: 'failed' }>): void {
    const { model, provider } = this.#options
    if (stage === 'run') {
      this.#rejectPortion(new StackError('provider_internal', { provider, reason }))
      this.#sendPortion()
      return
    }
    this.#end()
    if (stage === 'model') {
      this.#rejectAll(new StackError('local_model_invalid', { model: model.id, folder: model.directory, reason }))
      return
    }
    const install = toInstallCommand(onnxRuntimePackage)
    this.#rejectAll(new StackError('optional_package_broken', { package: onnxRuntimePackage.name, reason, install }))
  }

  #lose(worker: Worker, reason: string): void {
    if (worker !== this.#worker) return
    this.#worker = undefined
    const { provider, log } = this.#options
    log.error('a model’s thread was lost', { model: this.#options.model.id, reason })
    this.#rejectAll(new StackError('provider_internal', { provider, reason }))
  }

  #rejectPortion(error: StackError): void {
    const jobs = new Set(this.#portion.map(({ job }) => job))
    this.#portion = []
    for (const job of jobs) {
      this.#drop(job)
      job.reject(error)
    }
  }

  #rejectAll(error: StackError): void {
    this.#rejectPortion(error)
    for (const job of this.#queue) job.reject(error)
    this.#queue = []
    this.#waiting = 0
  }

  #rest(): void {
    this.#worker?.unref()
    clearTimeout(this.#idle)
    this.#idle = setTimeout(() => this.#end(), this.#options.idleMs).unref()
  }

  /** Lets the thread finish what it has, give its memory back and end. */
  #end(): void {
    clearTimeout(this.#idle)
    const worker = this.#worker
    if (worker === undefined) return
    this.#worker = undefined
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
    this.#ending.add(ended)
    void ended.then(() => this.#ending.delete(ended))
    const stop: ThreadRequest = { kind: 'stop' }
    worker.postMessage(stop)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    this.#rejectAll(new StackError('server_shutting_down', {}))
    this.#worker?.ref()
    this.#end()
    await Promise.all(this.#ending)
  }
}

function countCharacters(input: ModelInput | undefined): number {
  if (input === undefined) return 0
  switch (input.kind) {
    case 'text':
      return input.prompt.length + input.text.length
    case 'pair':
      return input.query.length + input.text.length
    case 'tokens':
      return input.ids.length
  }
}
