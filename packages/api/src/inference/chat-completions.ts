/** Chat completions: the request, the reply, the chunks of a stream. OpenAI's document, with what upstream adds. */
import * as z from 'zod'
import { AssistantPart, TextContent, UserPart } from '../wire/content.ts'
import { CompletionUsage } from '../wire/usage.ts'

export const ToolCall = z
  .looseObject({
    id: z.string().optional(),
    type: z.string().optional(),
    function: z.looseObject({ name: z.string().optional(), arguments: z.string().optional() }).optional(),
  })
  .meta({ id: 'ChatToolCall' })
export type ToolCall = z.infer<typeof ToolCall>

const name = z.string().nullish()

export const ChatMessage = z
  .discriminatedUnion('role', [
    z.looseObject({ role: z.literal('system'), content: TextContent, name }),
    z.looseObject({ role: z.literal('developer'), content: TextContent, name }),
    z.looseObject({ role: z.literal('user'), content: z.union([z.string(), z.array(UserPart)]), name }),
    z.looseObject({
      role: z.literal('assistant'),
      content: z.union([z.string(), z.array(AssistantPart)]).nullish(),
      name,
      tool_calls: z.array(ToolCall).nullish(),
    }),
    z.looseObject({ role: z.literal('tool'), content: TextContent, tool_call_id: z.string() }),
    z.looseObject({ role: z.literal('function'), content: z.string().nullish(), name: z.string() }),
  ])
  .meta({ id: 'ChatMessage' })
export type ChatMessage = z.infer<typeof ChatMessage>

export const ChatTool = z
  .looseObject({
    type: z.string(),
    function: z
      .looseObject({
        name: z.string(),
        description: z.string().nullish(),
        parameters: z.record(z.string(), z.unknown()).nullish(),
        strict: z.boolean().nullish(),
      })
      .optional(),
  })
  .meta({ id: 'ChatTool' })
export type ChatTool = z.infer<typeof ChatTool>

const ResponseFormat = z
  .discriminatedUnion('type', [
    z.looseObject({ type: z.literal('text') }),
    z.looseObject({ type: z.literal('json_object') }),
    z.looseObject({
      type: z.literal('json_schema'),
      json_schema: z.looseObject({ name: z.string().optional(), schema: z.record(z.string(), z.unknown()).nullish() }),
    }),
  ])
  .meta({ id: 'ChatResponseFormat' })

const ToolChoice = z.union([z.enum(['none', 'auto', 'required']), z.looseObject({ type: z.string() })])

/** Unknown fields are kept: they travel to the provider. */
export const ChatCompletionRequest = z
  .looseObject({
    model: z.string().min(1).describe('`provider_id/model`, an alias, or `auto`.'),
    messages: z.array(ChatMessage).min(1),
    frequency_penalty: z.number().min(-2).max(2).nullish(),
    function_call: z.union([z.string(), z.looseObject({ name: z.string() })]).nullish(),
    functions: z.array(z.looseObject({ name: z.string() })).nullish(),
    logit_bias: z.record(z.string(), z.number()).nullish(),
    logprobs: z.boolean().nullish(),
    max_completion_tokens: z.int().min(1).nullish(),
    max_tokens: z.int().min(1).nullish(),
    metadata: z.record(z.string(), z.string()).nullish(),
    n: z.int().min(1).max(128).nullish(),
    parallel_tool_calls: z.boolean().nullish(),
    presence_penalty: z.number().min(-2).max(2).nullish(),
    prompt_cache_key: z.string().nullish(),
    reasoning_effort: z.string().nullish(),
    response_format: ResponseFormat.nullish(),
    safety_identifier: z.string().nullish(),
    seed: z.int().nullish(),
    service_tier: z.string().nullish(),
    stop: z.union([z.string(), z.array(z.string())]).nullish(),
    store: z
      .boolean()
      .nullish()
      .describe('Whether to keep the completion. Default: the server’s setting, which keeps it.'),
    stream: z.boolean().nullish(),
    stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
    temperature: z.number().min(0).max(2).nullish(),
    tool_choice: ToolChoice.nullish(),
    tools: z.array(ChatTool).nullish(),
    top_logprobs: z.int().min(0).max(20).nullish(),
    top_p: z.number().min(0).max(1).nullish(),
    user: z.string().nullish(),
  })
  .meta({ id: 'CreateChatCompletionRequest' })
export type ChatCompletionRequest = z.infer<typeof ChatCompletionRequest>

const FinishReason = z.string().describe('stop, length, tool_calls, content_filter or function_call.')

export const ChatChoice = z
  .looseObject({
    index: z.int(),
    finish_reason: FinishReason,
    message: z.looseObject({
      role: z.literal('assistant'),
      content: z.string().nullish(),
      refusal: z.string().nullish(),
      tool_calls: z.array(ToolCall).nullish(),
    }),
    logprobs: z.looseObject({}).nullish(),
  })
  .meta({ id: 'ChatChoice' })
export type ChatChoice = z.infer<typeof ChatChoice>

export const ChatCompletion = z
  .looseObject({
    id: z.string(),
    object: z.literal('chat.completion'),
    created: z.int().describe('Unix time in seconds.'),
    model: z.string(),
    choices: z.array(ChatChoice),
    usage: CompletionUsage.nullish(),
    service_tier: z.string().nullish(),
    system_fingerprint: z.string().nullish(),
  })
  .meta({ id: 'ChatCompletion' })
export type ChatCompletion = z.infer<typeof ChatCompletion>

export const ChatChunkChoice = z
  .looseObject({
    index: z.int(),
    delta: z.looseObject({
      role: z.string().nullish(),
      content: z.string().nullish(),
      refusal: z.string().nullish(),
      tool_calls: z.array(ToolCall.extend({ index: z.int() })).nullish(),
    }),
    finish_reason: FinishReason.nullable(),
    logprobs: z.looseObject({}).nullish(),
  })
  .meta({ id: 'ChatChunkChoice' })
export type ChatChunkChoice = z.infer<typeof ChatChunkChoice>

export const ChatCompletionChunk = z
  .looseObject({
    id: z.string(),
    object: z.literal('chat.completion.chunk'),
    created: z.int(),
    model: z.string(),
    choices: z.array(ChatChunkChoice),
    usage: CompletionUsage.nullish(),
  })
  .meta({ id: 'ChatCompletionChunk' })
export type ChatCompletionChunk = z.infer<typeof ChatCompletionChunk>

/** A stored completion: OpenAI's object, and the messages that led to it (upstream's `input_messages`). */
export const StoredChatCompletion = ChatCompletion.extend({
  input_messages: z.array(z.looseObject({})),
  metadata: z.record(z.string(), z.string()).nullish(),
}).meta({ id: 'StoredChatCompletion' })
export type StoredChatCompletion = z.infer<typeof StoredChatCompletion>

/** One message of a stored completion. */
export const StoredChatMessage = z
  .looseObject({ id: z.string(), role: z.string(), content: z.unknown().optional() })
  .meta({ id: 'StoredChatMessage' })
export type StoredChatMessage = z.infer<typeof StoredChatMessage>
