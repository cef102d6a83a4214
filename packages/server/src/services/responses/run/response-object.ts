/** The response object: what was asked for, settled, and what came of it. */
import type { ResponseTextFormat } from '@llama-stack/api'
import { echoTools } from '../request/echo-tools.ts'
import type { SettledRequest } from '../request/settle-request.ts'

/** The members of a response that stay as they are from its first event to its last. */
export type ResponseFrame = ReturnType<typeof toResponseFrame>

/** What every member is, whether or not the request said it. The defaults are those of OpenAI's document. */
export function toResponseFrame(
  settled: SettledRequest,
  { id, createdAtMs }: { readonly id: string; readonly createdAtMs: number },
) {
  const { request } = settled
  return {
    id,
    object: 'response' as const,
    created_at: Math.floor(createdAtMs / 1000),
    background: settled.isBackground,
    conversation: settled.conversationId === undefined ? null : { id: settled.conversationId },
    frequency_penalty: request.frequency_penalty ?? 0,
    instructions: request.instructions ?? null,
    max_output_tokens: request.max_output_tokens ?? null,
    max_tool_calls: request.max_tool_calls ?? null,
    metadata: request.metadata ?? {},
    model: settled.model,
    parallel_tool_calls: settled.runsInParallel,
    presence_penalty: request.presence_penalty ?? 0,
    previous_response_id: request.previous_response_id ?? null,
    prompt: request.prompt ?? null,
    prompt_cache_key: request.prompt_cache_key ?? null,
    prompt_cache_retention: request.prompt_cache_retention ?? null,
    reasoning: { effort: request.reasoning?.effort ?? null, summary: request.reasoning?.summary ?? null },
    safety_identifier: request.safety_identifier ?? null,
    service_tier: request.service_tier ?? 'default',
    store: settled.isStored,
    temperature: request.temperature ?? 1,
    text: { ...request.text, format: toFormat(request.text?.format) },
    tool_choice: request.tool_choice ?? 'auto',
    tools: echoTools(request.tools ?? []),
    top_logprobs: request.top_logprobs ?? 0,
    top_p: request.top_p ?? 1,
    truncation: request.truncation ?? 'disabled',
    user: request.user ?? null,
  }
}

function toFormat(format: ResponseTextFormat | null | undefined): ResponseTextFormat {
  if (format?.type !== 'json_schema') return format ?? { type: 'text' }
  return { ...format, description: format.description ?? null, strict: format.strict ?? false }
}
