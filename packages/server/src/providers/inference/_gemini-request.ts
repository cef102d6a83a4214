/** A chat completion's request as the body of Gemini's `generateContent`. Knows nothing of addresses and credentials. */
import { StackError } from '@llama-stack/api'
import type { ChatCompletionRequest } from '@llama-stack/api'
import { isRecord } from '../../kernel/json-record.ts'
import { toGeminiConversation } from './_gemini-contents.ts'
import type { SignatureFacts } from './_gemini-contents.ts'
import { knownEfforts, needsSignatures, toThinkingConfig } from './_gemini-models.ts'
import { toGeminiTools } from './_gemini-tools.ts'
import type { GeminiRequest } from './_gemini-wire.ts'

/** What the translation cannot see in the request. */
export interface GeminiRequestFacts {
  /** The model's bare name, `gemini-2.5-flash`. */
  readonly model: string
  readonly findSignature: SignatureFacts['findSignature']
}

/** Fields with a place of their own in Gemini's request, and those that mean nothing there and change no answer. */
const TRANSLATED: ReadonlySet<string> = new Set([
  'model',
  'messages',
  'tools',
  'tool_choice',
  'functions',
  'function_call',
  'parallel_tool_calls',
  'response_format',
  'reasoning_effort',
  'logit_bias',
  'stream',
  'stream_options',
  'store',
  'metadata',
  'user',
  'safety_identifier',
  'prompt_cache_key',
  'prompt_cache_retention',
  'service_tier',
  'extra_body',
  'google',
])

/** OpenAI's names for members of `generationConfig`. */
const RENAMED: Readonly<Record<string, string>> = Object.freeze({
  n: 'candidateCount',
  max_tokens: 'maxOutputTokens',
  max_completion_tokens: 'maxOutputTokens',
  stop: 'stopSequences',
  logprobs: 'responseLogprobs',
  top_logprobs: 'logprobs',
  modalities: 'responseModalities',
})

/** Members that stand beside `generationConfig`; every other field that we do not know belongs into it. */
const BESIDE: ReadonlySet<string> = new Set([
  'generationConfig',
  'safetySettings',
  'cachedContent',
  'labels',
  'toolConfig',
  'modelArmorConfig',
])

/** Translates a request. Fields that nobody knows travel on, for the vendor to take or to refuse. */
export function toGeminiRequest(request: ChatCompletionRequest, facts: GeminiRequestFacts): GeminiRequest {
  refuseBias(request)
  const { model, findSignature } = facts
  const body: GeminiRequest = {
    ...toGeminiConversation(request.messages, { findSignature, required: needsSignatures(model) }),
    ...toGeminiTools(request),
  }
  const config: Record<string, unknown> = { ...toResponseFormat(request), ...toThinking(request, model) }
  for (const [name, value] of extraFields(request)) place(name, value, { body, config })
  return Object.keys(config).length === 0 ? body : { ...body, generationConfig: config }
}

/** The request's own fields, then those that Google's OpenAI endpoint takes in `google` and `extra_body.google`. */
function extraFields(request: ChatCompletionRequest): readonly (readonly [string, unknown])[] {
  const { extra_body: extraBody, google } = request
  const wrapped = isRecord(extraBody) ? extraBody['google'] : undefined
  return [request, google, wrapped]
    .filter(isRecord)
    .flatMap((fields) => Object.entries(fields))
    .filter(([name, value]) => !TRANSLATED.has(name) && value !== undefined && value !== null)
}

interface Places {
  readonly body: GeminiRequest
  readonly config: Record<string, unknown>
}

function place(name: string, value: unknown, { body, config }: Places): void {
  const camel = RENAMED[name] ?? name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
  if (camel === 'generationConfig' && isRecord(value)) Object.assign(config, value)
  else if (BESIDE.has(camel)) body[camel] = isRecord(value) ? { ...asObject(body[camel]), ...value } : value
  else if (name === 'stop') config[camel] = [value].flat()
  else if (name === 'modalities') config[camel] = [value].flat().map((modality) => String(modality).toUpperCase())
  // The newer of OpenAI's two names goes first.
  else if (name !== 'max_tokens' || config[camel] === undefined) config[camel] = value
}

function asObject(of: unknown): object {
  return isRecord(of) ? of : {}
}

function toResponseFormat({ response_format: format }: ChatCompletionRequest): object {
  if (format === undefined || format === null || format.type === 'text') return {}
  const schema = format.type === 'json_schema' ? format.json_schema.schema : undefined
  return {
    responseMimeType: 'application/json',
    ...(schema !== undefined && schema !== null && { responseJsonSchema: schema }),
  }
}

function toThinking({ reasoning_effort: effort }: ChatCompletionRequest, model: string): object {
  if (effort === undefined || effort === null) return {}
  if (knownEfforts.includes(effort)) return { thinkingConfig: toThinkingConfig(effort, model) }
  throw new StackError('invalid_value', {
    param: 'reasoning_effort',
    problem: 'this provider has no such effort',
    value: `'${effort}'`,
    fix: `Send one of ${knownEfforts.join(', ')}.`,
  })
}

/** Gemini cannot prefer tokens, and an answer that ignores it would be another one than asked for. */
function refuseBias({ logit_bias: bias }: ChatCompletionRequest): void {
  if (bias === undefined || bias === null || Object.keys(bias).length === 0) return
  throw new StackError('invalid_value', {
    param: 'logit_bias',
    problem: 'this provider does not take the field',
    fix: 'Leave it out, or choose a model of another provider.',
  })
}
