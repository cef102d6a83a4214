/** What flows while a response is made: OpenAI's 53 events. */
import * as z from 'zod'
import { Annotation, ContentPart, SummaryText } from './content.ts'
import { OutputItem } from './items.ts'
import { ResponseObject } from './response.ts'

const sequence_number = z.int().describe('Counts the events of a response from 0, without gaps.')
const output_index = z.int()
const content_index = z.int()
const summary_index = z.int()

/** Every event about a whole response. */
const whole = { response: ResponseObject, sequence_number }
/** Every event about one item. */
const item = { item_id: z.string(), output_index, sequence_number }
/** Every event about one part of an item's content. */
const part = { ...item, content_index }
/** Every event about one part of a reasoning item's summary. */
const summary = { ...item, summary_index }

const delta = z.string()

const logprobs = z.array(
  z.looseObject({
    token: z.string(),
    logprob: z.number(),
    top_logprobs: z.array(z.looseObject({ token: z.string().optional(), logprob: z.number().optional() })).optional(),
  }),
)

export const ResponseErrorEvent = z
  .looseObject({
    type: z.literal('error'),
    code: z.string().nullable(),
    message: z.string(),
    param: z.string().nullable(),
    sequence_number,
  })
  .meta({ id: 'ResponseErrorEvent' })
export type ResponseErrorEvent = z.infer<typeof ResponseErrorEvent>

/** The response itself came into being, or ended. */
const lifecycle = [
  z.looseObject({ type: z.literal('response.created'), ...whole }),
  z.looseObject({ type: z.literal('response.queued'), ...whole }),
  z.looseObject({ type: z.literal('response.in_progress'), ...whole }),
  z.looseObject({ type: z.literal('response.completed'), ...whole }),
  z.looseObject({ type: z.literal('response.incomplete'), ...whole }),
  z.looseObject({ type: z.literal('response.failed'), ...whole }),
  ResponseErrorEvent,
  z.looseObject({ type: z.literal('response.output_item.added'), output_index, item: OutputItem, sequence_number }),
  z.looseObject({ type: z.literal('response.output_item.done'), output_index, item: OutputItem, sequence_number }),
] as const

const message = [
  z.looseObject({ type: z.literal('response.content_part.added'), ...part, part: ContentPart }),
  z.looseObject({ type: z.literal('response.content_part.done'), ...part, part: ContentPart }),
  z.looseObject({ type: z.literal('response.output_text.delta'), ...part, delta, logprobs }),
  z.looseObject({ type: z.literal('response.output_text.done'), ...part, text: z.string(), logprobs }),
  z.looseObject({
    type: z.literal('response.output_text.annotation.added'),
    ...part,
    annotation_index: z.int(),
    annotation: Annotation,
  }),
  z.looseObject({ type: z.literal('response.refusal.delta'), ...part, delta }),
  z.looseObject({ type: z.literal('response.refusal.done'), ...part, refusal: z.string() }),
] as const

const reasoning = [
  z.looseObject({ type: z.literal('response.reasoning_text.delta'), ...part, delta }),
  z.looseObject({ type: z.literal('response.reasoning_text.done'), ...part, text: z.string() }),
  z.looseObject({ type: z.literal('response.reasoning_summary_part.added'), ...summary, part: SummaryText }),
  z.looseObject({ type: z.literal('response.reasoning_summary_part.done'), ...summary, part: SummaryText }),
  z.looseObject({ type: z.literal('response.reasoning_summary_text.delta'), ...summary, delta }),
  z.looseObject({ type: z.literal('response.reasoning_summary_text.done'), ...summary, text: z.string() }),
] as const

const calls = [
  z.looseObject({ type: z.literal('response.function_call_arguments.delta'), ...item, delta }),
  z.looseObject({
    type: z.literal('response.function_call_arguments.done'),
    ...item,
    name: z.string(),
    arguments: z.string(),
  }),
  z.looseObject({ type: z.literal('response.custom_tool_call_input.delta'), ...item, delta }),
  z.looseObject({ type: z.literal('response.custom_tool_call_input.done'), ...item, input: z.string() }),
  z.looseObject({ type: z.literal('response.file_search_call.in_progress'), ...item }),
  z.looseObject({ type: z.literal('response.file_search_call.searching'), ...item }),
  z.looseObject({ type: z.literal('response.file_search_call.completed'), ...item }),
  z.looseObject({ type: z.literal('response.web_search_call.in_progress'), ...item }),
  z.looseObject({ type: z.literal('response.web_search_call.searching'), ...item }),
  z.looseObject({ type: z.literal('response.web_search_call.completed'), ...item }),
  z.looseObject({ type: z.literal('response.mcp_call_arguments.delta'), ...item, delta }),
  z.looseObject({ type: z.literal('response.mcp_call_arguments.done'), ...item, arguments: z.string() }),
  z.looseObject({ type: z.literal('response.mcp_call.in_progress'), ...item }),
  z.looseObject({ type: z.literal('response.mcp_call.completed'), ...item }),
  z.looseObject({ type: z.literal('response.mcp_call.failed'), ...item }),
  z.looseObject({ type: z.literal('response.mcp_list_tools.in_progress'), ...item }),
  z.looseObject({ type: z.literal('response.mcp_list_tools.completed'), ...item }),
  z.looseObject({ type: z.literal('response.mcp_list_tools.failed'), ...item }),
] as const

/** Of tools that a provider runs, and of audio: the stack relays them and makes none. */
const relayed = [
  z.looseObject({ type: z.literal('response.code_interpreter_call.in_progress'), ...item }),
  z.looseObject({ type: z.literal('response.code_interpreter_call.interpreting'), ...item }),
  z.looseObject({ type: z.literal('response.code_interpreter_call.completed'), ...item }),
  z.looseObject({ type: z.literal('response.code_interpreter_call_code.delta'), ...item, delta }),
  z.looseObject({ type: z.literal('response.code_interpreter_call_code.done'), ...item, code: z.string() }),
  z.looseObject({ type: z.literal('response.image_generation_call.in_progress'), ...item }),
  z.looseObject({ type: z.literal('response.image_generation_call.generating'), ...item }),
  z.looseObject({ type: z.literal('response.image_generation_call.completed'), ...item }),
  z.looseObject({
    type: z.literal('response.image_generation_call.partial_image'),
    ...item,
    partial_image_index: z.int(),
    partial_image_b64: z.string(),
  }),
  z.looseObject({ type: z.literal('response.audio.delta'), delta, sequence_number }),
  z.looseObject({ type: z.literal('response.audio.done'), sequence_number }),
  z.looseObject({ type: z.literal('response.audio.transcript.delta'), delta, sequence_number }),
  z.looseObject({ type: z.literal('response.audio.transcript.done'), sequence_number }),
] as const

/** One event of a streamed response. */
export const ResponseEvent = z
  .discriminatedUnion('type', [...lifecycle, ...message, ...reasoning, ...calls, ...relayed])
  .meta({ id: 'ResponseEvent' })
export type ResponseEvent = z.infer<typeof ResponseEvent>
