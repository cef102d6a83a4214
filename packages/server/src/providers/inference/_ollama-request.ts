/**
 * Requests of OpenAI's protocol in the words of Ollama's own API.
 *
 * Ollama's OpenAI-compatible endpoint has no field for `keep_alive`, the size of the context or other options, and drops
 * them without a word (its `docs/api/openai-compatibility.mdx`). A request that says one of them goes to `/api/chat`,
 * `/api/generate` or `/api/embed` instead.
 */
import { StackError } from '@llama-stack/api'
import type { Json, JsonObject } from '@llama-stack/api'
import { asRecord } from '../../kernel/json-record.ts'
import type { OutboundBody } from './_dialect.ts'

/** Whether the request or the settings say something that only Ollama's own API understands. */
export function saysNativeOptions(body: OutboundBody, config: JsonObject): boolean {
  return [body, config].some((of) => ['keep_alive', 'num_ctx', 'options'].some((field) => isSaid(of[field])))
}

/** The body of `/api/chat`. */
export function toChatBody(body: OutboundBody, config: JsonObject): JsonObject {
  const messages = listOf(body['messages'])
  const toolNames = toToolNames(messages)
  return compact({
    ...shared(body, config),
    messages: messages.map((message, index) => toMessage(asRecord(message), index, toolNames)),
    tools: body['tools'],
    format: toFormat(asRecord(body['response_format'])),
    think: body['think'] ?? toThink(body),
    logprobs: body['logprobs'],
    top_logprobs: body['top_logprobs'],
    stream: body['stream'] === true,
  })
}

/** The body of `/api/generate`, for text completions. */
export function toGenerateBody(body: OutboundBody, config: JsonObject): JsonObject {
  const { prompt } = body
  const text: unknown = Array.isArray(prompt) && prompt.length === 1 ? prompt[0] : prompt
  if (typeof text !== 'string') throw refused('prompt', 'Ollama completes one text', 'Send the prompt as one string.')
  return compact({
    ...shared(body, config),
    prompt: text,
    suffix: body['suffix'],
    stream: body['stream'] === true,
  })
}

/** The body of `/api/embed`. */
export function toEmbedBody(body: OutboundBody, config: JsonObject): JsonObject {
  const { model, input, dimensions, truncate } = body
  return compact({ model, input, dimensions, truncate, ...settingsOf(body, config) })
}

function shared(body: OutboundBody, config: JsonObject): Record<string, unknown> {
  const { keep_alive, options } = settingsOf(body, config)
  const limit = body['max_completion_tokens'] ?? body['max_tokens']
  const stop = typeof body['stop'] === 'string' ? [body['stop']] : body['stop']
  return {
    model: body['model'],
    keep_alive,
    options: compact({
      // The compatible endpoint has OpenAI's defaults, not those of the model: how long it stays loaded changes no answer.
      temperature: body['temperature'] ?? 1,
      top_p: body['top_p'] ?? 1,
      seed: body['seed'],
      frequency_penalty: body['frequency_penalty'],
      presence_penalty: body['presence_penalty'],
      num_predict: limit,
      stop,
      ...asRecord(options),
    }),
  }
}

/** What the request says goes before what is configured. */
function settingsOf(
  body: OutboundBody,
  config: JsonObject,
): { readonly keep_alive: unknown; readonly options: unknown } {
  const options = compact({
    ...asRecord(config['options']),
    num_ctx: body['num_ctx'] ?? config['num_ctx'] ?? asRecord(config['options'])['num_ctx'],
    ...asRecord(body['options']),
  })
  return {
    keep_alive: body['keep_alive'] ?? config['keep_alive'],
    options: Object.keys(options).length === 0 ? undefined : options,
  }
}

function toMessage(
  message: Readonly<Record<string, unknown>>,
  index: number,
  toolNames: ReadonlyMap<unknown, unknown>,
): JsonObject {
  const { role, content, tool_calls: calls, tool_call_id: callId, name } = message
  const parts = Array.isArray(content) ? content.map(asRecord) : []
  const texts = parts.flatMap(({ text }) => (typeof text === 'string' ? [text] : []))
  const images = parts
    .filter(({ type }) => type === 'image_url')
    .map(({ image_url: image }, at) => toImage(image, `messages[${index}].content[${at}]`))
  return compact({
    role: role === 'developer' ? 'system' : role,
    content: typeof content === 'string' ? content : texts.join('\n'),
    images: images.length === 0 ? undefined : images,
    thinking: message['reasoning'] ?? message['reasoning_content'],
    tool_calls: Array.isArray(calls) ? calls.map((call) => toToolCall(asRecord(call), index)) : undefined,
    tool_name: role === 'tool' ? (name ?? toolNames.get(callId)) : undefined,
    tool_call_id: callId,
  })
}

function toImage(image: unknown, param: string): string {
  const url = typeof image === 'string' ? image : asRecord(image)['url']
  const [, base64] = /^data:[^,]*;base64,(.*)$/s.exec(typeof url === 'string' ? url : '') ?? []
  if (base64 !== undefined) return base64
  throw refused(param, 'Ollama takes images as base64 only', 'Send data:image/png;base64,….')
}

function toToolCall(call: Readonly<Record<string, unknown>>, index: number): JsonObject {
  const { name, arguments: written } = asRecord(call['function'])
  let parsed: unknown = written
  try {
    if (typeof written === 'string') parsed = JSON.parse(written === '' ? '{}' : written)
  } catch {
    const param = `messages[${index}].tool_calls`
    throw refused(param, `the arguments of '${String(name)}' are not JSON`, 'Send them as the model wrote them.')
  }
  return compact({ id: call['id'], function: compact({ name, arguments: parsed }) })
}

/** Ollama's tool results name their tool; OpenAI's name the call. */
function toToolNames(messages: readonly unknown[]): ReadonlyMap<unknown, unknown> {
  const calls = messages.flatMap((message) => listOf(asRecord(message)['tool_calls']).map(asRecord))
  return new Map(calls.map(({ id, function: called }) => [id, asRecord(called)['name']]))
}

function toFormat({ type, json_schema: schema }: Readonly<Record<string, unknown>>): unknown {
  if (type === 'json_object') return 'json'
  return type === 'json_schema' ? asRecord(schema)['schema'] : undefined
}

function toThink(body: OutboundBody): unknown {
  const effort = asRecord(body['reasoning'])['effort'] ?? body['reasoning_effort']
  return effort === 'none' ? false : effort
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function isSaid(value: unknown): boolean {
  return value !== undefined && value !== null
}

function compact(of: Readonly<Record<string, unknown>>): JsonObject {
  // What is put together here comes from a parsed body and parsed settings: JSON throughout.
  return Object.fromEntries(Object.entries(of).filter(([, value]) => isSaid(value))) as Record<string, Json>
}

function refused(param: string, problem: string, fix: string): StackError {
  return new StackError('invalid_value', { param, problem, fix })
}
