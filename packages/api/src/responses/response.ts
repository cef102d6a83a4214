/** What the Responses API answers: the response and its parts, lists, and the small objects beside them. */
import * as z from 'zod'
import { cursorPage } from '../wire/paging.ts'
import { ItemResource, OutputItem } from './items.ts'
import { ResponsePrompt, ResponseReasoning, ResponseText } from './request.ts'
import { ResponseTool, ResponseToolChoice } from './tools.ts'

export const ResponseUsage = z
  .looseObject({
    input_tokens: z.int(),
    input_tokens_details: z.looseObject({ cached_tokens: z.int() }),
    output_tokens: z.int(),
    output_tokens_details: z.looseObject({ reasoning_tokens: z.int() }),
    total_tokens: z.int(),
  })
  .meta({ id: 'ResponseUsage' })
export type ResponseUsage = z.infer<typeof ResponseUsage>

/** Why a response failed: OpenAI's list. */
export const ResponseErrorCode = z.enum([
  'server_error',
  'rate_limit_exceeded',
  'invalid_prompt',
  'vector_store_timeout',
  'invalid_image',
  'invalid_image_format',
  'invalid_base64_image',
  'invalid_image_url',
  'image_too_large',
  'image_too_small',
  'image_parse_error',
  'image_content_policy_violation',
  'invalid_image_mode',
  'image_file_too_large',
  'unsupported_image_media_type',
  'empty_image_file',
  'failed_to_download_image',
  'image_file_not_found',
])
export type ResponseErrorCode = z.infer<typeof ResponseErrorCode>

export const ResponseError = z
  .looseObject({ code: ResponseErrorCode, message: z.string() })
  .meta({ id: 'ResponseError' })
export type ResponseError = z.infer<typeof ResponseError>

export const IncompleteDetails = z
  .looseObject({
    reason: z
      .string()
      .describe(
        'max_output_tokens or content_filter; max_infer_iters, max_tool_calls or deadline where the loop ended.',
      ),
  })
  .meta({ id: 'IncompleteDetails' })
export type IncompleteDetails = z.infer<typeof IncompleteDetails>

export const ResponseStatus = z.enum(['completed', 'failed', 'in_progress', 'cancelled', 'queued', 'incomplete'])
export type ResponseStatus = z.infer<typeof ResponseStatus>

/** A response: the fields of OpenAI's document, and all that Open Responses requires. */
export const ResponseObject = z
  .looseObject({
    id: z.string(),
    object: z.literal('response'),
    created_at: z.int().describe('Unix time in seconds.'),
    completed_at: z.int().nullable(),
    status: ResponseStatus,
    background: z.boolean(),
    error: ResponseError.nullable(),
    incomplete_details: IncompleteDetails.nullable(),
    instructions: z.string().nullable(),
    max_output_tokens: z.int().nullable(),
    max_tool_calls: z.int().nullable(),
    model: z.string(),
    output: z.array(OutputItem),
    parallel_tool_calls: z.boolean(),
    previous_response_id: z.string().nullable(),
    prompt: ResponsePrompt.nullish(),
    prompt_cache_key: z.string().nullable(),
    prompt_cache_retention: z.string().nullish(),
    reasoning: ResponseReasoning.nullable(),
    safety_identifier: z.string().nullable(),
    service_tier: z.string(),
    store: z.boolean(),
    temperature: z.number(),
    text: ResponseText,
    tool_choice: ResponseToolChoice,
    tools: z.array(ResponseTool).describe('As they were asked for, without credentials.'),
    top_logprobs: z.int(),
    top_p: z.number(),
    truncation: z.enum(['auto', 'disabled']),
    frequency_penalty: z.number(),
    presence_penalty: z.number(),
    usage: ResponseUsage.nullable(),
    user: z.string().nullish(),
    metadata: z.record(z.string(), z.string()),
    conversation: z.looseObject({ id: z.string() }).nullish(),
  })
  .meta({ id: 'Response' })
export type ResponseObject = z.infer<typeof ResponseObject>

/** A response as it is listed: with the items that led to it, as upstream has it. */
export const ListedResponse = ResponseObject.extend({ input: z.array(ItemResource) }).meta({ id: 'ListedResponse' })
export type ListedResponse = z.infer<typeof ListedResponse>

export const ResponsePage = cursorPage(ListedResponse)
export type ResponsePage = z.infer<typeof ResponsePage>

export const ItemPage = cursorPage(ItemResource)
export type ItemPage = z.infer<typeof ItemPage>

export const ResponseDeleted = z.looseObject({
  id: z.string(),
  object: z.literal('response'),
  deleted: z.literal(true),
})
export type ResponseDeleted = z.infer<typeof ResponseDeleted>

/** A shorter input that stands for a longer one. */
export const CompactedResponse = z
  .looseObject({
    id: z.string(),
    object: z.literal('response.compaction'),
    created_at: z.int(),
    output: z.array(ItemResource),
    usage: ResponseUsage,
  })
  .meta({ id: 'CompactedResponse' })
export type CompactedResponse = z.infer<typeof CompactedResponse>

export const InputTokenCount = z
  .looseObject({ object: z.literal('response.input_tokens'), input_tokens: z.int() })
  .meta({ id: 'InputTokenCount' })
export type InputTokenCount = z.infer<typeof InputTokenCount>
