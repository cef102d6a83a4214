/**
 * The objects of the vendors' Python SDKs as they dump themselves: upstream records those, not the wire. Every field
 * that the SDK declares is there, null where the vendor was silent; what it does not declare follows.
 */
import { objectOf } from './lossless-json.ts'
import type { LosslessJson, LosslessObject } from './lossless-json.ts'

/** The members of an object in the SDK's order; a question mark makes one optional, null has no shape of its own. */
interface Shape {
  readonly [member: string]: Shape | null
}

interface SdkObject {
  /** The Python class. */
  readonly type: string
  readonly shape: Shape
}

const TOKEN: Shape = { token: null, 'bytes?': null, logprob: null }
const LOGPROBS: Shape = {
  'content?': { ...TOKEN, top_logprobs: TOKEN },
  'refusal?': { ...TOKEN, top_logprobs: TOKEN },
}
const USAGE: Shape = {
  completion_tokens: null,
  prompt_tokens: null,
  total_tokens: null,
  'completion_tokens_details?': {
    'accepted_prediction_tokens?': null,
    'audio_tokens?': null,
    'reasoning_tokens?': null,
    'rejected_prediction_tokens?': null,
  },
  'prompt_tokens_details?': { 'audio_tokens?': null, 'cached_tokens?': null },
}

const CHAT_COMPLETION: SdkObject = {
  type: 'openai.types.chat.chat_completion.ChatCompletion',
  shape: {
    id: null,
    choices: {
      finish_reason: null,
      index: null,
      'logprobs?': LOGPROBS,
      message: {
        'content?': null,
        'refusal?': null,
        role: null,
        'annotations?': null,
        'audio?': null,
        'function_call?': { arguments: null, name: null },
        'tool_calls?': { id: null, function: { arguments: null, name: null }, type: null },
      },
    },
    created: null,
    model: null,
    object: null,
    'service_tier?': null,
    'system_fingerprint?': null,
    'usage?': USAGE,
  },
}

const CHAT_COMPLETION_CHUNK: SdkObject = {
  type: 'openai.types.chat.chat_completion_chunk.ChatCompletionChunk',
  shape: {
    id: null,
    choices: {
      delta: {
        'content?': null,
        'function_call?': { 'arguments?': null, 'name?': null },
        'refusal?': null,
        'role?': null,
        'tool_calls?': { index: null, 'id?': null, 'function?': { 'arguments?': null, 'name?': null }, 'type?': null },
      },
      'finish_reason?': null,
      index: null,
      'logprobs?': LOGPROBS,
    },
    created: null,
    model: null,
    object: null,
    'service_tier?': null,
    'system_fingerprint?': null,
    'usage?': USAGE,
  },
}

const COMPLETION: SdkObject = {
  type: 'openai.types.completion.Completion',
  shape: {
    id: null,
    choices: {
      finish_reason: null,
      index: null,
      'logprobs?': { 'text_offset?': null, 'token_logprobs?': null, 'tokens?': null, 'top_logprobs?': null },
      text: null,
    },
    created: null,
    model: null,
    object: null,
    'system_fingerprint?': null,
    'usage?': USAGE,
  },
}

const EMBEDDINGS: SdkObject = {
  type: 'openai.types.create_embedding_response.CreateEmbeddingResponse',
  shape: {
    data: { embedding: null, index: null, object: null },
    model: null,
    object: null,
    usage: { prompt_tokens: null, total_tokens: null },
  },
}

const MODEL: SdkObject = {
  type: 'openai.types.model.Model',
  shape: { id: null, created: null, object: null, owned_by: null },
}

const OLLAMA_REPLY: Shape = {
  'model?': null,
  'created_at?': null,
  'done?': null,
  'done_reason?': null,
  'total_duration?': null,
  'load_duration?': null,
  'prompt_eval_count?': null,
  'prompt_eval_duration?': null,
  'eval_count?': null,
  'eval_duration?': null,
}

/** What each endpoint answers with, whole and in pieces. */
const OBJECTS: Readonly<Record<string, { readonly whole: SdkObject; readonly piece?: SdkObject }>> = Object.freeze({
  '/v1/chat/completions': { whole: CHAT_COMPLETION, piece: CHAT_COMPLETION_CHUNK },
  '/v1/completions': { whole: COMPLETION },
  '/v1/embeddings': { whole: EMBEDDINGS },
  '/v1/models': { whole: MODEL },
  '/api/generate': {
    whole: {
      type: 'ollama._types.GenerateResponse',
      shape: { ...OLLAMA_REPLY, response: null, 'thinking?': null, 'context?': null },
    },
  },
  '/api/chat': {
    whole: {
      type: 'ollama._types.ChatResponse',
      shape: {
        ...OLLAMA_REPLY,
        message: { role: null, 'content?': null, 'thinking?': null, 'images?': null, 'tool_calls?': null },
      },
    },
  },
  '/api/embeddings': { whole: { type: 'ollama._types.EmbedResponse', shape: { ...OLLAMA_REPLY, embeddings: null } } },
  '/api/ps': { whole: { type: 'ollama._types.ProcessResponse', shape: { models: null } } },
  '/api/tags': { whole: { type: 'ollama._types.ListResponse', shape: { models: null } } },
  '/api/pull': {
    whole: {
      type: 'ollama._types.ProgressResponse',
      shape: { 'status?': null, 'completed?': null, 'total?': null, 'digest?': null },
    },
  },
})

/** What an endpoint answers with, or undefined where upstream records none. */
export function findSdkObject(endpoint: string, isPiece: boolean): SdkObject | undefined {
  const objects = OBJECTS[endpoint]
  return (isPiece ? objects?.piece : undefined) ?? objects?.whole
}

/** Dumps a vendor's JSON object as the SDK would, wrapped with the name of its class. */
export function toSdkDump(object: SdkObject, data: LosslessObject): LosslessObject {
  return objectOf({ __type__: object.type, __data__: fill(object.shape, data) })
}

/** Replaces what differs from one recording to the next: ids, times, durations. HEAD does so, the seed does not. */
export function stabilize(data: LosslessObject, values: { readonly id: string; readonly zero: LosslessJson }): void {
  if (data.get('object') !== 'model') {
    if (data.has('id')) data.set('id', values.id)
    if (data.has('created')) data.set('created', values.zero)
  }
  if (data.has('created_at')) data.set('created_at', '1970-01-01T00:00:00.000000Z')
  for (const duration of ['total_duration', 'load_duration', 'prompt_eval_duration', 'eval_duration']) {
    if ((data.get(duration) ?? null) !== null) data.set(duration, values.zero)
  }
}

function fill(shape: Shape, value: LosslessJson): LosslessJson {
  if (Array.isArray(value)) return value.map((element) => fill(shape, element))
  if (!(value instanceof Map)) return value
  const filled: LosslessObject = new Map()
  for (const [declared, inner] of Object.entries(shape)) {
    const isOptional = declared.endsWith('?')
    const member = isOptional ? declared.slice(0, -1) : declared
    const found = value.get(member) ?? (isOptional || value.has(member) ? null : undefined)
    if (found !== undefined) filled.set(member, inner === null ? found : fill(inner, found))
  }
  for (const [member, found] of value) if (!filled.has(member)) filled.set(member, found)
  return filled
}
