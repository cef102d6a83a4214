import { describe, expect, it } from 'vitest'
import { ResponseEvent } from './events.ts'

/** The names of OpenAI's document, written down: clients branch on them. */
const names = [
  'error',
  'response.audio.delta',
  'response.audio.done',
  'response.audio.transcript.delta',
  'response.audio.transcript.done',
  'response.code_interpreter_call.completed',
  'response.code_interpreter_call.in_progress',
  'response.code_interpreter_call.interpreting',
  'response.code_interpreter_call_code.delta',
  'response.code_interpreter_call_code.done',
  'response.completed',
  'response.content_part.added',
  'response.content_part.done',
  'response.created',
  'response.custom_tool_call_input.delta',
  'response.custom_tool_call_input.done',
  'response.failed',
  'response.file_search_call.completed',
  'response.file_search_call.in_progress',
  'response.file_search_call.searching',
  'response.function_call_arguments.delta',
  'response.function_call_arguments.done',
  'response.image_generation_call.completed',
  'response.image_generation_call.generating',
  'response.image_generation_call.in_progress',
  'response.image_generation_call.partial_image',
  'response.in_progress',
  'response.incomplete',
  'response.mcp_call.completed',
  'response.mcp_call.failed',
  'response.mcp_call.in_progress',
  'response.mcp_call_arguments.delta',
  'response.mcp_call_arguments.done',
  'response.mcp_list_tools.completed',
  'response.mcp_list_tools.failed',
  'response.mcp_list_tools.in_progress',
  'response.output_item.added',
  'response.output_item.done',
  'response.output_text.annotation.added',
  'response.output_text.delta',
  'response.output_text.done',
  'response.queued',
  'response.reasoning_summary_part.added',
  'response.reasoning_summary_part.done',
  'response.reasoning_summary_text.delta',
  'response.reasoning_summary_text.done',
  'response.reasoning_text.delta',
  'response.reasoning_text.done',
  'response.refusal.delta',
  'response.refusal.done',
  'response.web_search_call.completed',
  'response.web_search_call.in_progress',
  'response.web_search_call.searching',
]

const part = { item_id: 'msg_1', output_index: 0, content_index: 0, sequence_number: 4 }

describe('events of a response', () => {
  it('are these 53', () => {
    expect(names).toHaveLength(53)
    expect(ResponseEvent.options.map((event) => event.shape.type.value).toSorted()).toEqual(names)
  })

  it.each<object>([
    { type: 'response.output_text.delta', ...part, delta: 'Hi', logprobs: [] },
    {
      type: 'response.reasoning_summary_part.added',
      item_id: 'rs_1',
      output_index: 0,
      summary_index: 0,
      sequence_number: 3,
      part: { type: 'summary_text', text: '' },
    },
    { type: 'response.content_part.added', ...part, part: { type: 'reasoning_text', text: '' } },
    { type: 'error', code: 'provider_timeout', message: 'Too slow.', param: null, sequence_number: 9 },
  ])('are accepted: %o', (event) => {
    expect(ResponseEvent.safeParse(event)).toMatchObject({ success: true })
  })

  it.each<[string, object]>([
    ['without a sequence number', { type: 'response.refusal.delta', ...part, delta: 'No', sequence_number: undefined }],
    ['of a name that is not OpenAI’s', { type: 'response.mcp_call.arguments.delta', ...part, delta: '{' }],
    ['without its text', { type: 'response.output_text.done', ...part, logprobs: [] }],
  ])('are refused %s', (_name, event) => {
    expect(ResponseEvent.safeParse(event).success).toBe(false)
  })
})
