/**
 * A streamed reply that outlives the failure of the provider that it comes from: before its first content always, after it
 * where the next target may continue. Until the first content its chunks are looked at; from then on they pass.
 */
import { bug } from '@llama-stack/api'
import type { ByteSink, ByteStream, StackError, TextRun } from '@llama-stack/api'
import type { Attempt } from './attempt.ts'
import { hasContent } from './first-content.ts'
import type { Served } from './hedge.ts'
import type { AnyReply, BrokenStream } from './operation.ts'
import type { Run } from './run.ts'
import { toStackError } from './to-stack-error.ts'

export class ServedStream<R extends AnyReply> implements ByteStream, ByteSink {
  readonly #run: Run<R>
  /** Whether all that was sent is kept, for a target that may have to continue. */
  readonly #keepsAll: boolean
  #attempt: Attempt
  #source: ByteStream
  #sink: ByteSink | undefined
  /** As it was passed: bytes, or texts in Latin-1. */
  #sent: (Uint8Array | string)[] = []
  #hasContent = false
  #isPaused = false

  constructor(run: Run<R>, attempt: Attempt, source: ByteStream) {
    this.#run = run
    this.#attempt = attempt
    this.#source = source
    this.#keepsAll = run.continues
  }

  pipe(sink: ByteSink): void {
    this.#sink = sink
    this.#source.pipe(this)
  }

  pause(): void {
    this.#isPaused = true
    this.#source.pause()
  }

  resume(): void {
    this.#isPaused = false
    this.#source.resume()
  }

  cancel(): void {
    this.#sink = undefined
    this.#source.cancel()
    this.#attempt.close()
  }

  data(chunk: Uint8Array): void {
    this.#pass(chunk)
    this.#sink?.data(chunk)
  }

  text(chunk: string): void {
    this.#pass(chunk)
    const sink = this.#sink
    if (sink?.text === undefined) sink?.data(Buffer.from(chunk, 'latin1'))
    else sink.text(chunk)
  }

  /** Absent where the sink has none. */
  get run(): ((run: TextRun) => void) | undefined {
    const sink = this.#sink
    if (sink?.run === undefined) return undefined
    return (run) => {
      // From the first content on nothing is looked at, and mostly nothing kept: the text need not be made.
      if (!this.#hasContent || this.#keepsAll) this.#pass(run.toText())
      sink.run?.(run)
    }
  }

  end(): void {
    this.#attempt.succeed()
    this.#attempt.close()
    this.#finish()?.end()
  }

  fail(error: StackError): void {
    this.#attempt.fail(error)
    const sent = this.#sent.map((chunk) => (typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk))
    const broken: BrokenStream = { sent, hasContent: this.#hasContent }
    if (this.#sink === undefined || !this.#run.mayResume(error, broken)) {
      this.#finish()?.fail(error)
      return
    }
    this.#run
      .resume(this.#attempt, error, broken)
      .then((served) => this.#goOn(served))
      .catch((final: unknown) => this.#finish()?.fail(toStackError(final)))
  }

  /** Watches for the first content: the attempt has succeeded with it. */
  #pass(chunk: Uint8Array | string): void {
    if (this.#hasContent) {
      if (this.#keepsAll) this.#sent.push(chunk)
      return
    }
    this.#sent.push(chunk)
    if (!hasContent(chunk)) return
    this.#hasContent = true
    this.#attempt.succeed()
    if (!this.#keepsAll) this.#sent = []
  }

  #goOn({ attempt, reply }: Served<R>): void {
    this.#attempt = attempt
    if (reply.kind !== 'stream') bug('a call that streams got a value')
    this.#source = reply.stream
    if (this.#sink === undefined) {
      // The client left meanwhile.
      this.cancel()
      return
    }
    const { provider, model } = attempt.target
    this.#sink.data(Buffer.from(`: llama-stack ${JSON.stringify({ provider: provider.id, model })}\n\n`))
    reply.stream.pipe(this)
    if (this.#isPaused) reply.stream.pause()
  }

  #finish(): ByteSink | undefined {
    const sink = this.#sink
    this.#sink = undefined
    return sink
  }
}
