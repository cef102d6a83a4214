/** What a chat completion is asked for with. OpenAI's document, with what upstream adds. */
import * as z from 'zod'
import { AssistantPart, TextContent, UserPart } from '../wire/content.ts'

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
