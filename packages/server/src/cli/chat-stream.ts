/** One streamed chat completion as the command line reads it. */
import { StackError } from '@llama-stack/api'
import type { ServerClient } from './server-client.ts'
import { isRecord } from '../kernel/json-record.ts'

export interface ChatTurn {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
}

export interface ChatRequest {
  readonly model: string
  readonly messages: readonly ChatTurn[]
  readonly maxTokens: number | undefined
}

/** What one event adds. */
export interface AnswerPiece {
  readonly text: string
  /** What a reasoning model thinks before it answers. */
  readonly reasoning: string
  /** The model that answers, where the event says so. */
  readonly model: string | undefined
}

/** Asks and yields the answer as it comes. An error in the middle of the stream is `server_refused`. */
export async function* streamAnswer(client: ServerClient, request: ChatRequest): AsyncIterable<AnswerPiece> {
  const body = {
    model: request.model,
    messages: request.messages,
    stream: true,
    ...(request.maxTokens === undefined ? {} : { max_tokens: request.maxTokens }),
  }
  for await (const data of client.stream('/v1/chat/completions', body)) yield toPiece(data)
}

function toPiece(data: string): AnswerPiece {
  const event = parseEvent(data)
  if (isRecord(event['error'])) throw midStreamError(event['error'])
  const choice: unknown = Array.isArray(event['choices']) ? event['choices'][0] : undefined
  const delta = isRecord(choice) && isRecord(choice['delta']) ? choice['delta'] : {}
  return {
    text: textOf(delta['content']),
    reasoning: textOf(delta['reasoning_content']) || textOf(delta['reasoning']),
    model: textOf(event['model']) || undefined,
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function parseEvent(data: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(data)
    if (isRecord(value)) return value
  } catch {
    // Falls through to the same message: the event was no JSON object.
  }
  throw midStreamError({ message: `The server sent an event that is no JSON object: ${data.slice(0, 80)}` })
}

function midStreamError(error: Record<string, unknown>): StackError {
  const code = textOf(error['code']) || 'provider_stream_broken'
  const reason = textOf(error['message']) || 'The stream ended with an error.'
  return new StackError('server_refused', { url: '', status: 502, code, reason })
}
