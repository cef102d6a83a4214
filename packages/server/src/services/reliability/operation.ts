/** What the executor runs: one request, in whatever API, as attempts at targets. */
import type { CallContext, Reply } from '@llama-stack/api'
import type { Route } from '../models/route.ts'
import type { Target } from './target.ts'

export type AnyReply = Reply<unknown, unknown>

/** What is left of a stream that broke off: what the client has of it. */
export interface BrokenStream {
  /** Whole events, as they were sent. */
  readonly sent: readonly Uint8Array[]
  /** Whether a part of the answer is among them, and not only its beginning. */
  readonly hasContent: boolean
}

/** The circumstances of one attempt. */
export interface AttemptCall {
  /** The request's own, but for the signal, which ends this attempt. */
  readonly context: CallContext
  /** The stream that this attempt has to go on with; undefined for the first, and where nothing was sent yet. */
  readonly resumed: BrokenStream | undefined
}

export interface Operation<R extends AnyReply> {
  readonly route: Route
  readonly context: CallContext
  /** The request as it was parsed: tells sessions apart. */
  readonly request: Readonly<Record<string, unknown>>
  /** Asks one target. A streamed reply resolves with its head, any other when it is read and understood. */
  attempt(target: Target, call: AttemptCall): Promise<R>
  /** The name of the target that knows this conversation, to be asked before the others. */
  readonly prefers?: string | undefined
  /** Whether another attempt can go on with what was sent. Asked only when a stream broke off. */
  canResume(broken: BrokenStream): boolean
}
