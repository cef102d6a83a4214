/** Replies of Ollama's own API in the words of OpenAI's protocol, streamed or whole. */
import type { ByteSink, ByteStream, UpstreamResponse } from '@llama-stack/api'
import { bytesStream } from '../../kernel/byte-stream.ts'
import { asRecord } from '../../kernel/json-record.ts'
import { sseData, sseDone } from '../../kernel/sse.ts'
import { readJsonLines } from './_json-lines.ts'
import type { JsonLine } from './_json-lines.ts'
import { readJson } from './_vendor-reply.ts'

/** Which operation is answered, and how it was asked for. */
export interface AskedReply {
  readonly shape: 'chat' | 'text' | 'embedding'
  readonly streamed: boolean
  /** Whether a stream ends with the usage. */
  readonly usage: boolean
}

const PROVIDER = 'ollama'
/** Replaced on the way out; Ollama's own ids repeat. */
const ID = 'chatcmpl-ollama'

/** Translates a successful reply. */
export async function toOpenAiReply(response: UpstreamResponse, asked: AskedReply): Promise<UpstreamResponse> {
  if (asked.streamed) {
    const headers = { 'content-type': 'text/event-stream' }
    return { status: response.status, headers, body: toEventStream(response.body, asked) }
  }
  const reply = asRecord(await readJson(PROVIDER, response))
  const whole = asked.shape === 'embedding' ? toEmbeddings(reply) : toCompletion(reply, asked.shape)
  const headers = { 'content-type': 'application/json' }
  return { status: response.status, headers, body: bytesStream(Buffer.from(JSON.stringify(whole))) }
}

function toEventStream(source: ByteStream, asked: AskedReply): ByteStream {
  return {
    pipe: (sink) => translateLines(source, sink, asked),
    pause: () => source.pause(),
    resume: () => source.resume(),
    cancel: () => source.cancel(),
  }
}

function translateLines(source: ByteStream, sink: ByteSink, asked: AskedReply): void {
  const send = (text: string): void => sink.data(Buffer.from(text))
  let calls = 0
  let isFirst = true
  readJsonLines(source, PROVIDER, {
    line(line) {
      if (line['error'] !== undefined) {
        send(sseData(JSON.stringify({ error: { message: line['error'], type: 'api_error' } })))
        return
      }
      const delta = asked.shape === 'chat' ? toDelta(line, calls, isFirst) : { text: line['response'] ?? '' }
      calls += toolCallsOf(line).length
      isFirst = false
      send(sseData(JSON.stringify(toChunk(line, delta, { ...asked, hasCalls: calls > 0 }))))
      if (line['done'] !== true) return
      if (asked.usage) send(sseData(JSON.stringify({ ...head(line, asked, true), choices: [], usage: toUsage(line) })))
      send(sseDone)
    },
    end: () => sink.end(),
    fail: (error) => sink.fail(error),
  })
}

interface ChunkFacts extends AskedReply {
  readonly hasCalls: boolean
}

function toChunk(line: JsonLine, content: object, asked: ChunkFacts): object {
  const finish = line['done'] === true ? toFinishReason(line, asked.hasCalls) : null
  const choice = asked.shape === 'chat' ? { index: 0, delta: content } : { index: 0, ...content }
  return {
    ...head(line, asked, true),
    choices: [{ ...choice, finish_reason: finish, ...toLogprobs(line) }],
  }
}

function toDelta(line: JsonLine, callsBefore: number, isFirst: boolean): object {
  const { content, thinking } = asRecord(line['message'])
  const calls = toolCallsOf(line)
  return {
    ...(isFirst && { role: 'assistant' }),
    content: content ?? '',
    ...(typeof thinking === 'string' && thinking !== '' && { reasoning: thinking }),
    ...(calls.length > 0 && {
      tool_calls: calls.map((call, index) => ({
        index: callsBefore + index,
        ...toToolCall(call, callsBefore + index),
      })),
    }),
  }
}

function toCompletion(reply: JsonLine, shape: 'chat' | 'text'): object {
  const asked: AskedReply = { shape, streamed: false, usage: true }
  const calls = toolCallsOf(reply)
  const { content, thinking } = asRecord(reply['message'])
  const message = {
    role: 'assistant',
    content: content ?? '',
    ...(typeof thinking === 'string' && thinking !== '' && { reasoning: thinking }),
    ...(calls.length > 0 && { tool_calls: calls.map(toToolCall) }),
  }
  const answer = shape === 'chat' ? { message } : { text: reply['response'] ?? '' }
  const finish = toFinishReason(reply, calls.length > 0)
  return {
    ...head(reply, asked, false),
    choices: [{ index: 0, ...answer, finish_reason: finish, ...toLogprobs(reply) }],
    usage: toUsage(reply),
  }
}

function toEmbeddings(reply: JsonLine): object {
  const embeddings = Array.isArray(reply['embeddings']) ? reply['embeddings'] : []
  const tokens = countOf(reply['prompt_eval_count'])
  return {
    object: 'list',
    data: embeddings.map((embedding: unknown, index) => ({ object: 'embedding', index, embedding })),
    model: reply['model'],
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  }
}

const OBJECTS = {
  chat: ['chat.completion', 'chat.completion.chunk'],
  text: ['text_completion', 'text_completion'],
  embedding: ['list', 'list'],
} as const

function head(line: JsonLine, { shape }: AskedReply, isChunk: boolean): object {
  const createdMs = Date.parse(typeof line['created_at'] === 'string' ? line['created_at'] : '')
  return {
    id: ID,
    object: OBJECTS[shape][isChunk ? 1 : 0],
    created: Number.isNaN(createdMs) ? 0 : Math.floor(createdMs / 1000),
    model: line['model'],
    system_fingerprint: 'fp_ollama',
  }
}

function toolCallsOf(line: JsonLine): readonly Record<string, unknown>[] {
  const calls = asRecord(line['message'])['tool_calls']
  return Array.isArray(calls) ? calls.map(asRecord) : []
}

function toToolCall(call: Record<string, unknown>, index: number): object {
  const { name, arguments: given } = asRecord(call['function'])
  // Older servers give calls no id, and a client has to name the call that it answers.
  const id = typeof call['id'] === 'string' && call['id'] !== '' ? call['id'] : `call_${index}`
  return { id, type: 'function', function: { name, arguments: JSON.stringify(given ?? {}) } }
}

function toFinishReason(line: JsonLine, hasCalls: boolean): string {
  if (hasCalls) return 'tool_calls'
  return line['done_reason'] === 'length' ? 'length' : 'stop'
}

function toLogprobs(line: JsonLine): object {
  return Array.isArray(line['logprobs']) ? { logprobs: { content: line['logprobs'] } } : {}
}

function toUsage(line: JsonLine): object {
  const prompt = countOf(line['prompt_eval_count'])
  const completion = countOf(line['eval_count'])
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion }
}

/** A prompt that is wholly cached has no count. */
function countOf(value: unknown): number {
  return typeof value === 'number' ? value : 0
}
