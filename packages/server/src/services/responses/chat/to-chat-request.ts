/** One turn of a response as the request for a chat completion, member by member as upstream's recordings have them. */
import type { ChatCompletionRequest, ChatMessage, CreateResponseRequest, ResponseTextFormat } from '@llama-stack/api'
import type { TurnTools } from './chat-tool-choice.ts'

/** What the turns of a response share: members of the request, as they came. */
export type ChatSettings = Pick<
  CreateResponseRequest,
  | 'frequency_penalty'
  | 'include'
  | 'parallel_tool_calls'
  | 'presence_penalty'
  | 'prompt_cache_key'
  | 'prompt_cache_retention'
  | 'reasoning'
  | 'safety_identifier'
  | 'service_tier'
  | 'stream_options'
  | 'temperature'
  | 'text'
  | 'top_logprobs'
  | 'top_p'
  | 'user'
>

/** One turn. */
export interface ChatTurnInput {
  readonly model: string
  readonly settings: ChatSettings
  /** Everything that the model is told, system messages included. */
  readonly messages: readonly ChatMessage[]
  readonly tools: TurnTools
  /**
   * The tier that earlier turns of this response were served in, undefined before the first one: null where the provider
   * did not tell.
   */
  readonly servedTier?: string | null | undefined
  /** How many tokens the response may still produce. Default: no limit. */
  readonly remainingOutputTokens?: number | undefined
  /** Members that this server does not know and the provider may. Default: none. */
  readonly extra?: Readonly<Record<string, unknown>> | undefined
  /**
   * Whether the body has to be the very one that upstream sends, so that its recordings are found: without the strictness
   * and the description of a schema, and with a tier after the first turn whatever the provider said. Default: false.
   */
  readonly asRecorded?: boolean | undefined
}

/** What comes before the conversation: the text of a prompt, then the instructions. */
export function toSystemMessages(
  prompt: string | null | undefined,
  instructions: string | null | undefined,
): ChatMessage[] {
  return [prompt, instructions].flatMap((content) =>
    content === undefined || content === null ? [] : [{ role: 'system' as const, content }],
  )
}

/** Builds the body. Members without a value are left out, and the order of members is always the same. */
export function toChatRequest(turn: ChatTurnInput): ChatCompletionRequest {
  const { settings, messages, tools, extra } = turn
  const { include, top_logprobs: topLogprobs, text, reasoning } = settings
  const offersTools = tools.tools.length > 0
  const wantsLogprobs = include?.includes('message.output_text.logprobs') === true || (topLogprobs ?? 0) > 0
  return withoutNull<ChatCompletionRequest>({
    model: turn.model,
    messages: [...messages],
    stream: true,
    stream_options: { include_usage: true, ...settings.stream_options },
    tools: offersTools ? [...tools.tools] : undefined,
    tool_choice: offersTools ? tools.toolChoice : undefined,
    parallel_tool_calls: offersTools ? (settings.parallel_tool_calls ?? true) : undefined,
    temperature: settings.temperature,
    top_p: settings.top_p,
    frequency_penalty: settings.frequency_penalty,
    presence_penalty: settings.presence_penalty,
    response_format: toResponseFormat(text?.format, turn.asRecorded === true),
    logprobs: wantsLogprobs ? true : undefined,
    top_logprobs: topLogprobs,
    reasoning_effort: reasoning?.effort,
    verbosity: text?.verbosity,
    safety_identifier: settings.safety_identifier,
    service_tier: tierOf(turn),
    max_completion_tokens: turn.remainingOutputTokens,
    prompt_cache_key: settings.prompt_cache_key,
    prompt_cache_retention: settings.prompt_cache_retention,
    user: settings.user,
    ...extra,
  })
}

function tierOf({ settings, servedTier, asRecorded }: ChatTurnInput): string | null | undefined {
  if (servedTier === undefined) return settings.service_tier
  return servedTier ?? (asRecorded === true ? 'default' : settings.service_tier)
}

type ResponseFormat = NonNullable<ChatCompletionRequest['response_format']>

/** The chat's name for `text.format`; undefined for plain text. */
function toResponseFormat(
  format: ResponseTextFormat | null | undefined,
  asRecorded = false,
): ResponseFormat | undefined {
  if (format === undefined || format === null || format.type === 'text') return undefined
  if (format.type === 'json_object') return { type: 'json_object' }
  const { name, schema, description, strict } = format
  const more = asRecorded ? {} : withoutNull({ description, strict })
  return { type: 'json_schema', json_schema: { name, schema, ...more } }
}

function withoutNull<Members extends object>(members: Members): Members {
  const settled: Record<string, unknown> = {}
  for (const [name, member] of Object.entries(members)) {
    if (member !== undefined && member !== null) settled[name] = member
  }
  // Only members that may be absent are left out.
  return settled as Members
}
