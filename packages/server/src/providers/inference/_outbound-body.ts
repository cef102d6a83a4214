/** The body that leaves for the vendor, and the form in which recordings name it. */
import { StackError } from '@llama-stack/api'
import type { Json, JsonObject } from '@llama-stack/api'
import type { Dialect, Operation, OutboundBody } from './_dialect.ts'

/** Paths of the operations, below the base URL. */
export const operationPaths: Readonly<Record<Operation, string>> = Object.freeze({
  chat: '/chat/completions',
  completions: '/completions',
  embeddings: '/embeddings',
})

/**
 * The fields that upstream's own request models have. In a recording they stand at the top level of the body; a field
 * that upstream does not model, though OpenAI's reference may have it, is nested under `extra_body`.
 */
const MODELLED: Readonly<Record<Operation, ReadonlySet<string>>> = Object.freeze({
  chat: new Set([
    'model',
    'messages',
    'frequency_penalty',
    'function_call',
    'functions',
    'logit_bias',
    'logprobs',
    'max_completion_tokens',
    'max_tokens',
    'n',
    'parallel_tool_calls',
    'presence_penalty',
    'prompt_cache_key',
    'reasoning_effort',
    'response_format',
    'safety_identifier',
    'seed',
    'service_tier',
    'stop',
    'stream',
    'stream_options',
    'temperature',
    'tool_choice',
    'tools',
    'top_logprobs',
    'top_p',
    'user',
  ]),
  completions: new Set([
    'model',
    'prompt',
    'best_of',
    'echo',
    'frequency_penalty',
    'logit_bias',
    'logprobs',
    'max_tokens',
    'n',
    'presence_penalty',
    'seed',
    'stop',
    'stream',
    'stream_options',
    'suffix',
    'temperature',
    'top_p',
    'user',
  ]),
  embeddings: new Set(['model', 'input', 'encoding_format', 'dimensions', 'user']),
})

/** A request as it was parsed: known and unknown fields alike. */
export type ClientRequest = Readonly<Record<string, unknown>>

/** Takes over each field that the client sent with a value, under the vendor's name for it. */
export function toOutboundBody(request: ClientRequest, operation: Operation, dialect: Dialect): OutboundBody {
  const refused = dialect.refusedFields[operation]?.find((field) => isSaid(request[field]))
  if (refused !== undefined) {
    throw new StackError('invalid_value', {
      param: refused,
      problem: 'this provider does not take the field',
      fix: 'Leave it out, or choose a model of another provider.',
    })
  }
  const dropped = dialect.droppedFields[operation]
  const body: OutboundBody = {}
  for (const field of Object.keys(request)) {
    const value = request[field]
    if (!isSaid(value) || dropped?.includes(field) === true) continue
    body[dialect.renamedFields[field] ?? field] = value
  }
  lowerOutputLimit(body, dialect)
  return body
}

function isSaid(value: unknown): boolean {
  return value !== undefined && value !== null
}

function lowerOutputLimit(body: OutboundBody, dialect: Dialect): void {
  const limit = findOutputLimit(dialect, body['model'])
  if (limit === undefined) return
  for (const field of ['max_tokens', 'max_completion_tokens']) {
    const asked = body[field]
    if (typeof asked === 'number' && asked > limit) body[field] = limit
  }
}

function findOutputLimit({ maxOutputTokens }: Dialect, model: unknown): number | undefined {
  if (typeof model !== 'string') return undefined
  // A dated snapshot (`gpt-4o-2024-08-06`, `gpt-4-0613`) has the limit of its model.
  return maxOutputTokens[model] ?? maxOutputTokens[model.replace(/-\d{4}(-\d{2}-\d{2})?$/, '')]
}

/** The body as a recording has it: fields that upstream does not model are nested under `extra_body`. */
export function toRecordedBody(body: OutboundBody, operation: Operation): JsonObject {
  const modelled = MODELLED[operation]
  const recorded: Record<string, Json> = {}
  const extra: Record<string, Json> = {}
  for (const [field, value] of Object.entries(body)) {
    // Bodies are parsed JSON; only the type of the parsed request forgot that.
    const json = value as Json
    if (modelled.has(field)) recorded[field] = json
    else extra[field] = json
  }
  if (Object.keys(extra).length > 0) recorded['extra_body'] = extra
  return recorded
}
