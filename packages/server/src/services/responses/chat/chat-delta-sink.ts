/** Receives what a model says and does in one turn, piece by piece and in its order. */
import type { CompletionUsage, LogProb } from '@llama-stack/api'

/** What has come of one call of a tool. */
export interface ToolCallPiece {
  /** With the first piece of a call, and only there. */
  readonly id?: string
  /** With the first piece of a call, and only there. */
  readonly name?: string
  /** The next part of the JSON text of the arguments; it may be empty. */
  readonly arguments: string
  /** Members that the provider wants back with the call: a signature. */
  readonly extra?: Readonly<Record<string, unknown>>
}

/** Everything is called while the reply is read, never after reading it has ended. */
export interface ChatDeltaSink {
  text(piece: string, logprobs?: readonly LogProb[]): void
  /** Pieces of text that came together, at least one. */
  texts(pieces: readonly string[]): void
  /**
   * `isInline`: the model wrote it into its text. The provider has no member for it, and does not want it back: templates take
   * the thoughts of earlier turns out of the text.
   */
  reasoning(piece: string, isInline?: boolean): void
  refusal(piece: string): void
  /** Calls are counted from 0 in the order in which they begin, whatever the provider's numbers. */
  toolCall(index: number, piece: ToolCallPiece): void
  /** Why the turn ended, in the provider's words: `stop`, `length`, `tool_calls`, `content_filter`. */
  finish(reason: string): void
  /** Called with each report of it; the last one counts. */
  usage(usage: CompletionUsage): void
  /** Called when the tier is told first, and when it changes. */
  serviceTier(tier: string): void
  /** Members of the message that only the provider can read and that it wants back. Called at most once, at the end. */
  extra(members: Readonly<Record<string, unknown>>): void
}
