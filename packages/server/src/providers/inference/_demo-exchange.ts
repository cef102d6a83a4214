/** One exchange of the script: what a user says and what the model answers. */
import type { JsonObject } from '@llama-stack/api'

/** The failures of a provider that the script can show. */
export type ScriptedFailure =
  | 'provider_rate_limited'
  | 'provider_quota_exceeded'
  | 'provider_internal'
  | 'provider_timeout'
  | 'provider_stream_broken'

/** A tool call as the script writes it. */
export interface ScriptedCall {
  readonly name: string
  readonly arguments: JsonObject
}

export interface ScriptedExchange {
  /** The first is the one that is shown; the others are matched too. */
  readonly prompts: readonly [string, ...string[]]
  readonly reasoning?: string
  readonly content?: string
  readonly refusal?: string
  /** Said as one line of JSON. */
  readonly json?: JsonObject
  /** Made when the request has these tools. */
  readonly calls?: readonly ScriptedCall[]
  /** Said once the tools have answered; `{results}` stands for what they said. */
  readonly afterCalls?: string
  readonly finishReason?: 'content_filter'
  /** Fails with this code: at once, or where `content` ends. */
  readonly error?: ScriptedFailure
}
