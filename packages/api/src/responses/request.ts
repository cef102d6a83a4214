/**
 * What a response is asked for with. OpenAI's document, with what upstream adds.
 *
 * Nothing here has a default: what a request leaves out is settled by the service, which alone knows the model.
 */
import * as z from 'zod'
import { InputFile, InputImage, InputText } from './content.ts'
import { InputItem } from './items.ts'
import { ResponseTool, ResponseToolChoice } from './tools.ts'

/** Further data that a reply may carry. */
export const ResponseInclude = z
  .enum([
    'file_search_call.results',
    'web_search_call.results',
    'web_search_call.action.sources',
    'message.input_image.image_url',
    'computer_call_output.output.image_url',
    'code_interpreter_call.outputs',
    'reasoning.encrypted_content',
    'message.output_text.logprobs',
  ])
  .meta({ id: 'ResponseInclude' })
export type ResponseInclude = z.infer<typeof ResponseInclude>

/** Up to 16 pairs that the stack keeps beside an object. */
export const ResponseMetadata = z.record(z.string().max(64), z.string().max(512))

export const ResponseReasoning = z
  .looseObject({
    effort: z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh']).nullish(),
    summary: z.enum(['auto', 'concise', 'detailed']).nullish(),
    generate_summary: z.enum(['auto', 'concise', 'detailed']).nullish().describe('The old name of `summary`.'),
  })
  .meta({ id: 'ResponseReasoning' })
export type ResponseReasoning = z.infer<typeof ResponseReasoning>

export const ResponseTextFormat = z
  .discriminatedUnion('type', [
    z.looseObject({ type: z.literal('text') }),
    z.looseObject({ type: z.literal('json_object') }),
    z.looseObject({
      type: z.literal('json_schema'),
      name: z.string(),
      schema: z.record(z.string(), z.unknown()),
      description: z.string().nullish(),
      strict: z.boolean().nullish(),
    }),
  ])
  .meta({ id: 'ResponseTextFormat' })
export type ResponseTextFormat = z.infer<typeof ResponseTextFormat>

export const ResponseText = z
  .looseObject({
    format: ResponseTextFormat.nullish(),
    verbosity: z.enum(['low', 'medium', 'high']).nullish(),
  })
  .meta({ id: 'ResponseText' })
export type ResponseText = z.infer<typeof ResponseText>

/** A stored prompt and the values of its variables. */
export const ResponsePrompt = z
  .looseObject({
    id: z.string(),
    version: z.string().nullish().describe('Default: the version that the prompt has as its default.'),
    variables: z
      .record(z.string(), z.union([z.string(), z.discriminatedUnion('type', [InputText, InputImage, InputFile])]))
      .nullish(),
  })
  .meta({ id: 'ResponsePrompt' })
export type ResponsePrompt = z.infer<typeof ResponsePrompt>

const input = z.union([z.string(), z.array(InputItem)]).nullish()
const conversation = z
  .union([z.string(), z.looseObject({ id: z.string() })])
  .nullish()
  .describe('The conversation to continue, in place of `previous_response_id`.')
const previous_response_id = z.string().nullish()
const instructions = z.string().nullish()
const prompt_cache_key = z.string().max(64).nullish()

/** A shield to check with: its id, alone or as an object. */
export const ResponseGuardrail = z.union([z.string(), z.looseObject({ type: z.string() })])
export type ResponseGuardrail = z.infer<typeof ResponseGuardrail>

/** The body of `POST /v1/responses`. Unknown fields are kept: they travel to the provider. */
export const CreateResponseRequest = z
  .looseObject({
    model: z.string().min(1).nullish().describe('`provider_id/model`, an alias, or `auto`.'),
    input: input.describe('A text, or items. It may be absent where a prompt or an earlier response is enough.'),
    background: z.boolean().nullish(),
    context_management: z
      .array(z.looseObject({ type: z.literal('compaction'), compact_threshold: z.int().min(1000).nullish() }))
      .min(1)
      .nullish(),
    conversation,
    frequency_penalty: z.number().min(-2).max(2).nullish(),
    guardrails: z.array(ResponseGuardrail).nullish().describe('Shields that check the input and the output.'),
    include: z.array(ResponseInclude).nullish(),
    instructions,
    max_infer_iters: z.int().min(1).nullish().describe('How often the model may be called. Default: 10.'),
    max_output_tokens: z.int().min(16).nullish(),
    max_tool_calls: z.int().min(1).nullish(),
    metadata: ResponseMetadata.nullish(),
    parallel_tool_calls: z.boolean().nullish(),
    presence_penalty: z.number().min(-2).max(2).nullish(),
    previous_response_id,
    prompt: ResponsePrompt.nullish(),
    prompt_cache_key,
    prompt_cache_retention: z.enum(['in-memory', '24h']).nullish(),
    reasoning: ResponseReasoning.nullish(),
    safety_identifier: z.string().max(64).nullish(),
    service_tier: z.enum(['auto', 'default', 'flex', 'scale', 'priority']).nullish(),
    store: z.boolean().nullish().describe('Default: true.'),
    stream: z.boolean().nullish(),
    stream_options: z.looseObject({ include_obfuscation: z.boolean().nullish() }).nullish(),
    temperature: z.number().min(0).max(2).nullish(),
    text: ResponseText.nullish(),
    tool_choice: ResponseToolChoice.nullish(),
    tools: z.array(ResponseTool).nullish(),
    top_logprobs: z.int().min(0).max(20).nullish(),
    top_p: z.number().min(0).max(1).nullish(),
    truncation: z.enum(['auto', 'disabled']).nullish(),
    user: z.string().nullish().describe('The old name of `safety_identifier`.'),
  })
  .meta({ id: 'CreateResponseRequest' })
export type CreateResponseRequest = z.infer<typeof CreateResponseRequest>

/** The body of `POST /v1/responses/compact`. */
export const CompactRequest = z
  .looseObject({
    model: z.string().min(1),
    input,
    instructions,
    previous_response_id,
    prompt_cache_key,
    parallel_tool_calls: z.boolean().nullish(),
    reasoning: ResponseReasoning.nullish(),
    text: ResponseText.nullish(),
    tools: z.array(ResponseTool).nullish(),
  })
  .meta({ id: 'CompactResponseRequest' })
export type CompactRequest = z.infer<typeof CompactRequest>

/** The body of `POST /v1/responses/input_tokens`. */
export const InputTokensRequest = z
  .looseObject({
    model: z.string().min(1).nullish(),
    input,
    conversation,
    instructions,
    previous_response_id,
    parallel_tool_calls: z.boolean().nullish(),
    reasoning: ResponseReasoning.nullish(),
    text: ResponseText.nullish(),
    tool_choice: ResponseToolChoice.nullish(),
    tools: z.array(ResponseTool).nullish(),
    truncation: z.enum(['auto', 'disabled']).nullish(),
  })
  .meta({ id: 'InputTokensRequest' })
export type InputTokensRequest = z.infer<typeof InputTokensRequest>
