/** What a demo model says, before it is cut to size and put into OpenAI's shapes. */
import type { StackError } from '@llama-stack/api'

export interface DemoToolCall {
  readonly name: string
  /** JSON text, as a model writes it. */
  readonly arguments: string
}

export interface DemoReply {
  /** Comes first, as `reasoning_content`. */
  readonly reasoning?: string
  readonly content?: string
  readonly refusal?: string
  readonly toolCalls?: readonly DemoToolCall[]
  /** Default: `tool_calls` where there are some, else `stop`. */
  readonly finishReason?: string
  /** What breaks the reply off, once the rest of it has been said. */
  readonly failure?: StackError
}
