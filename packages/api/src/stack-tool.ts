/** Functions of the program that runs the stack, offered to every model as tools. */
import type * as z from 'zod'
import type { JsonObject, Principal } from './context.ts'
import type { Log } from './provider.ts'

/** What a function is told of the call that it answers. */
export interface StackToolCall {
  /** Who asked for the response. */
  readonly principal: Principal
  readonly requestId: string
  /** Of this call alone; an interrupted call that is made again has the same. */
  readonly callId: string
  /** Fires when the response is cancelled, and when the function's time is over. */
  readonly signal: AbortSignal
  readonly log: Log
}

/** A part of a result, as the Responses API has parts of tool outputs. A list of nothing else is shown to the model as parts. */
export type StackToolPart =
  | { readonly type: 'input_text'; readonly text: string }
  /** `image_url` is a data URL, or a URL that the model's provider can reach. */
  | { readonly type: 'input_image'; readonly image_url: string }

/** The arguments of a function whose `parameters` are this. */
export type StackToolArguments<Parameters> = Parameters extends z.core.$ZodType ? z.output<Parameters> : JsonObject

/** A function that the agent loop runs for any client. Made by {@link defineTool}. */
export interface StackTool<Parameters = z.core.$ZodType | JsonObject> {
  /** As the model calls it: letters, digits, `_` and `-`, at most 64 of them. */
  readonly name: string
  readonly description?: string
  /** A zod object, or a JSON schema of an object. What does not follow it is told to the model, and the function not called. */
  readonly parameters: Parameters
  /** Whether a second run of an interrupted call does no harm. Default: false. */
  readonly repeatable?: boolean
  /** Default: 60 000. */
  readonly timeoutMs?: number
  /**
   * Gives a text, {@link StackToolPart}s, or anything else that JSON can hold, or a promise of it. What it throws is told to the
   * model: the message, without the stack.
   */
  execute(args: StackToolArguments<Parameters>, call: StackToolCall): unknown
}

/** Declares a function for `createStack({ tools })`. The type of its arguments follows from `parameters`. */
export function defineTool<Parameters extends z.core.$ZodType | JsonObject>(
  tool: StackTool<Parameters>,
): StackTool<Parameters> {
  return tool
}
