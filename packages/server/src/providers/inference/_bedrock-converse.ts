/** Chats through Bedrock's own API, `Converse` and `ConverseStream`. */
import { Readable } from 'node:stream'
import { StackError } from '@llama-stack/api'
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionRequest,
  CompletionReply,
  ProviderCall,
  UpstreamResponse,
} from '@llama-stack/api'
import { EventStreamDecoder } from '../../kernel/aws/event-stream.ts'
import type { EventStreamMessage } from '../../kernel/aws/event-stream.ts'
import { EventPull } from '../../kernel/event-pull.ts'
import type { EventParser } from '../../kernel/event-pull.ts'
import { asRecord } from '../../kernel/json-record.ts'
import type { Block } from './_bedrock-blocks.ts'
import { toModelPath } from './_bedrock-context.ts'
import type { BedrockContext } from './_bedrock-context.ts'
import { ConverseReply } from './_bedrock-converse-reply.ts'
import type { ReplyFacts } from './_bedrock-converse-reply.ts'
import { toConverseRequest } from './_bedrock-converse-request.ts'
import { familyOf } from './_bedrock-families.ts'
import { toStreamError } from './_bedrock-failure.ts'
import { CallSignatures } from './_call-signatures.ts'
import { inlineImages } from './_inline-images.ts'
import { readJson } from './_vendor-reply.ts'

const EVENT_STREAM = 'application/vnd.amazon.eventstream'

type ChatReply = CompletionReply<ChatCompletion, ChatCompletionChunk>

/** Prepares chats of one instance. */
export function toConverse(context: BedrockContext) {
  const { id: provider } = context
  // Thoughts by model and call: another model would refuse what it did not sign.
  const thoughts = new CallSignatures()

  return async (request: ChatCompletionRequest, call: ProviderCall): Promise<ChatReply> => {
    const { model } = request
    context.protocol.expectAllowed(model)
    const fetching = { upstream: context.callerUpstream, signal: call.signal }
    // Only the addresses of images are replaced: it is the same request otherwise.
    const inlined = (await inlineImages(request, fetching)) as ChatCompletionRequest
    const { body, answerTool } = toConverseRequest(inlined, familyOf(model), (callId) =>
      findBlocks(thoughts, `${model} ${callId}`),
    )
    // Recordings have no room for frames: in a replay a stream is made of a whole reply.
    const isFramed = request.stream === true && !context.replaying
    const response = await context.post(
      'runtime',
      {
        path: toModelPath(model, isFramed ? 'converse-stream' : 'converse'),
        body,
        ...(isFramed && { accept: EVENT_STREAM, isUnrecorded: true }),
      },
      call,
    )
    const facts: ReplyFacts = {
      id: context.newId(),
      model,
      created: Math.floor(context.clock.now() / 1000),
      answerTool,
      wantsUsage: request.stream_options?.include_usage === true,
      keepThoughts: (callId, blocks) => thoughts.keep(`${model} ${callId}`, JSON.stringify(blocks)),
    }
    const stripUsageChunk = !facts.wantsUsage
    if (isFramed) return { kind: 'events', events: await openStream(response, { provider, facts }), stripUsageChunk }
    const reply = new ConverseReply(facts)
    const chunks = reply.readWhole(asRecord(await readJson(provider, response)))
    if (request.stream !== true) return { kind: 'value', value: reply.toCompletion() }
    return {
      kind: 'events',
      events: Readable.from([...chunks, reply.findUsageChunk()].filter((chunk) => chunk !== undefined)),
      stripUsageChunk,
    }
  }
}

function findBlocks(thoughts: CallSignatures, key: string): readonly Block[] {
  const kept = thoughts.find(key)
  // Written above.
  return kept === undefined ? [] : (JSON.parse(kept) as Block[])
}

interface StreamReading {
  readonly provider: string
  readonly facts: ReplyFacts
}

/** Resolves with the first event at hand: what fails before that fails as a whole, with a status. */
async function openStream(
  response: UpstreamResponse,
  reading: StreamReading,
): Promise<AsyncIterable<ChatCompletionChunk>> {
  const chunks = new EventPull<ChatCompletionChunk>(response.body, (emit) => toParser(reading, emit))
  await chunks.ready()
  return chunks
}

function toParser({ provider, facts }: StreamReading, emit: (chunk: ChatCompletionChunk) => void): EventParser {
  const decoder = new EventStreamDecoder(provider)
  const reply = new ConverseReply(facts)
  return {
    push(bytes) {
      for (const message of decoder.decode(bytes)) {
        const { event, payload } = readEvent(message, provider)
        for (const chunk of reply.read(event, payload)) emit(chunk)
      }
    },
    end() {
      decoder.end()
      if (!reply.isFinished) {
        throw new StackError('provider_stream_broken', { provider, reason: 'it ended before the answer did' })
      }
      const usage = reply.findUsageChunk()
      if (usage !== undefined) emit(usage)
    },
  }
}

interface ReadEvent {
  readonly event: string
  readonly payload: Record<string, unknown>
}

function readEvent({ headers, payload }: EventStreamMessage, provider: string): ReadEvent {
  const type = headers[':message-type']
  if (type === 'error') {
    throw toStreamError(provider, headers[':error-code'] ?? 'unknown', { message: headers[':error-message'] })
  }
  const parsed = asRecord(parsePayload(payload, provider))
  if (type === 'exception') throw toStreamError(provider, headers[':exception-type'] ?? 'unknown', parsed)
  return { event: headers[':event-type'] ?? '', payload: parsed }
}

function parsePayload(payload: Uint8Array, provider: string): unknown {
  if (payload.byteLength === 0) return {}
  try {
    return JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString())
  } catch (cause) {
    throw new StackError('provider_stream_broken', { provider, reason: 'an event is not JSON' }, { cause })
  }
}
