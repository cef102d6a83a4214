/** Chats with Google's models by the native API: translated on the way out and on the way back. */
import type { ChatCompletionRequest, Clock, CompletionReply, ProviderCall } from '@llama-stack/api'
import type { ChatCompletion, ChatCompletionChunk } from '@llama-stack/api'
import type { Ids } from '../../kernel/ids.ts'
import { asRecord } from '../../kernel/json-record.ts'
import type { CallSignatures } from './_call-signatures.ts'
import { GeminiReply } from './_gemini-reply.ts'
import type { ReplyFacts } from './_gemini-reply.ts'
import { toGeminiRequest } from './_gemini-request.ts'
import { openGeminiStream } from './_gemini-stream.ts'
import { inlineImages } from './_inline-images.ts'
import { readJson } from './_vendor-reply.ts'
import type { VertexAccess } from './_vertex-access.ts'
import type { VertexModel } from './_vertex-models.ts'

/** What all chats of one instance share. */
export interface VertexChats {
  readonly provider: string
  readonly access: VertexAccess
  readonly signatures: CallSignatures
  readonly ids: Ids
  readonly clock: Clock
}

/** One chat. */
export interface VertexChat {
  readonly model: Extract<VertexModel, { kind: 'google' }>
  readonly request: ChatCompletionRequest
  readonly call: ProviderCall
}

/** Asks the model. A stream is given back with its first chunk at hand. */
export async function askGemini(
  chats: VertexChats,
  { model, request, call }: VertexChat,
): Promise<CompletionReply<ChatCompletion, ChatCompletionChunk>> {
  const { provider, access, signatures } = chats
  const place = await access.locate(call)
  const images = { upstream: access.callerUpstream, signal: call.signal }
  // Only URLs inside the messages are replaced, by other URLs.
  const inlined = (await inlineImages({ messages: request.messages }, images)) as Pick<
    ChatCompletionRequest,
    'messages'
  >
  const body = toGeminiRequest(
    { ...request, ...inlined },
    { model: model.name, findSignature: (callId) => signatures.find(callId) },
  )
  const streamed = request.stream === true
  const method = streamed ? 'streamGenerateContent?alt=sse' : 'generateContent'
  const url = `${place.root}/v1${place.parent}/${model.path}:${method}`
  const response = await access.send({ method: 'POST', url, body }, { place, call })
  const facts = toReplyFacts(chats, request)
  if (streamed) {
    return { kind: 'events', events: await openGeminiStream(response, facts), stripUsageChunk: !facts.wantsUsage }
  }
  return { kind: 'value', value: new GeminiReply(facts).toCompletion(asRecord(await readJson(provider, response))) }
}

function toReplyFacts({ provider, signatures, ids, clock }: VertexChats, request: ChatCompletionRequest): ReplyFacts {
  return {
    provider,
    model: request.model,
    created: Math.floor(clock.now() / 1000),
    newId: () => ids.random('chatcmpl-'),
    newCallId: () => ids.random('call_'),
    keepSignature: (callId, signature) => signatures.keep(callId, signature),
    singleCall: request.parallel_tool_calls === false,
    wantsUsage: request.stream_options?.include_usage === true,
  }
}
