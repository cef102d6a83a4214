/** The event stream of `streamGenerateContent?alt=sse` as chunks of a chat completion. */
import { StackError } from '@llama-stack/api'
import type { ChatCompletionChunk, UpstreamResponse } from '@llama-stack/api'
import { EventPull } from '../../kernel/event-pull.ts'
import type { EventParser } from '../../kernel/event-pull.ts'
import { isRecord } from '../../kernel/json-record.ts'
import { createSseParser } from '../../kernel/sse.ts'
import { findGoogleError, toStreamedGoogleError } from './_google-failure.ts'
import { GeminiReply } from './_gemini-reply.ts'
import type { ReplyFacts } from './_gemini-reply.ts'

/** Opens the stream. Resolves with its first chunk at hand: what fails before that fails as a whole, with a status. */
export async function openGeminiStream(
  response: UpstreamResponse,
  facts: ReplyFacts,
): Promise<AsyncIterable<ChatCompletionChunk>> {
  const chunks = new EventPull<ChatCompletionChunk>(response.body, (emit) => toChunkParser(facts, emit))
  await chunks.ready()
  return chunks
}

function toChunkParser(facts: ReplyFacts, emit: (chunk: ChatCompletionChunk) => void): EventParser {
  const reply = new GeminiReply(facts)
  let hasEnded = false
  const sse = createSseParser(({ data }) => {
    const choices = reply.read(parsePiece(data, { provider: facts.provider, hasEnded }))
    if (choices.length > 0) emit(reply.toChunk(choices))
  })
  return {
    push: (bytes) => sse.push(bytes),
    end() {
      hasEnded = true
      sse.end()
      emit(reply.toChunk(reply.finish()))
      const usage = reply.findUsageChunk()
      if (usage !== undefined) emit(usage)
    },
  }
}

function parsePiece(
  data: string,
  { provider, hasEnded }: { readonly provider: string; readonly hasEnded: boolean },
): Record<string, unknown> {
  let piece: unknown
  try {
    piece = JSON.parse(data)
  } catch (cause) {
    if (hasEnded) throw new StackError('provider_stream_broken', { provider, reason: 'it ended within an event' })
    throw new StackError('provider_bad_reply', { provider, reason: 'an event is not JSON' }, { cause })
  }
  const error = findGoogleError(piece)
  if (error !== undefined) throw toStreamedGoogleError(provider, error)
  if (isRecord(piece)) return piece
  throw new StackError('provider_bad_reply', { provider, reason: 'an event is not a JSON object' })
}
