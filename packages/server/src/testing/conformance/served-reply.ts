/** A provider's replies as a client gets them: passed through the relays of the service, whatever their kind. */
import {
  bug,
  ChatCompletion,
  ChatCompletionChunk,
  Completion,
  EmbeddingsResponse,
  RerankResponse,
} from '@llama-stack/api'
import type {
  CallContext,
  ChatCompletionRequest,
  CompletionReply,
  CompletionRequest,
  EmbeddingsRequest,
  InferenceProvider,
  ProviderCall,
  Reply,
  RerankRequest,
} from '@llama-stack/api'
import { createIds } from '../../kernel/ids.ts'
import { createSseParser } from '../../kernel/sse.ts'
import { CompletionObserver } from '../../services/inference/completion-observer.ts'
import { relayCompletion } from '../../services/inference/relay-completion.ts'
import { relayEmbeddings } from '../../services/inference/relay-embeddings.ts'
import type { CompletionShape } from '../../services/inference/repair-chunk.ts'

/** The id under which the suite creates every provider; errors name it. */
export const PROVIDER_ID = 'under-test'

/** Asks for a chat that does not stream. */
export async function serveChat(
  provider: InferenceProvider,
  request: ChatCompletionRequest,
  call: ProviderCall,
): Promise<ChatCompletion> {
  const reply = await answerTo(provider.chatCompletion?.(request, call))
  return ChatCompletion.parse(await readValue(await relay(reply, 'chat', { streamed: false, call })))
}

/** Asks for a streamed chat. `onChunk` sees each chunk as it arrives; rejects when the stream breaks off. */
export async function serveChatStream(
  provider: InferenceProvider,
  request: ChatCompletionRequest,
  { call, onChunk }: { readonly call: ProviderCall; readonly onChunk?: (chunk: ChatCompletionChunk) => void },
): Promise<ChatCompletionChunk[]> {
  const reply = await answerTo(provider.chatCompletion?.({ ...request, stream: true }, call))
  const chunks: ChatCompletionChunk[] = []
  await readEvents(await relay(reply, 'chat', { streamed: true, call }), (event) => {
    const chunk = ChatCompletionChunk.parse(event)
    chunks.push(chunk)
    onChunk?.(chunk)
  })
  return chunks
}

/** Asks for a text completion that does not stream. */
export async function serveCompletion(
  provider: InferenceProvider,
  request: CompletionRequest,
  call: ProviderCall,
): Promise<Completion> {
  const reply = await answerTo(provider.completion?.(request, call))
  return Completion.parse(await readValue(await relay(reply, 'text', { streamed: false, call })))
}

/** Asks for a streamed text completion and gives its whole text. */
export async function serveCompletionStream(
  provider: InferenceProvider,
  request: CompletionRequest,
  call: ProviderCall,
): Promise<string> {
  const reply = await answerTo(provider.completion?.({ ...request, stream: true }, call))
  let text = ''
  await readEvents(await relay(reply, 'text', { streamed: true, call }), (event) => {
    const { choices } = Completion.partial().parse(event)
    text += choices?.[0]?.text ?? ''
  })
  return text
}

/** Asks for embeddings. */
export async function serveEmbeddings(
  provider: InferenceProvider,
  request: EmbeddingsRequest,
  call: ProviderCall,
): Promise<EmbeddingsResponse> {
  const reply = await answerTo(provider.embeddings?.(request, call))
  const format = request.encoding_format ?? 'float'
  return EmbeddingsResponse.parse(
    await readValue(await relayEmbeddings({ reply, provider: PROVIDER_ID, observer: observerOf(call), format })),
  )
}

/** Asks for a ranking. */
export async function serveRerank(
  provider: InferenceProvider,
  request: RerankRequest,
  call: ProviderCall,
): Promise<RerankResponse> {
  const reply = await answerTo(provider.rerank?.(request, call))
  return RerankResponse.parse(reply.value)
}

async function answerTo<Answer>(asked: Promise<Answer> | undefined): Promise<Answer> {
  return (await asked) ?? bug('the provider does not have the operation; leave its model out of the declaration')
}

interface Relayed {
  readonly streamed: boolean
  readonly call: ProviderCall
}

function relay<Value extends object, Event extends object>(
  reply: CompletionReply<Value, Event>,
  shape: CompletionShape,
  { streamed, call }: Relayed,
): Promise<Reply<Value, Event>> {
  const newId = (): string => createIds().random('chatcmpl-')
  return relayCompletion({
    reply,
    provider: PROVIDER_ID,
    observer: observerOf(call),
    streamed,
    repair: { shape, streamed, model: 'm', created: 1, newId },
  })
}

function observerOf(call: ProviderCall): CompletionObserver {
  const context: CallContext = { ...call, principal: { id: 'local' } }
  const clock = { now: () => 0, monotonic: () => 0 }
  return new CompletionObserver({ context, clock, provider: PROVIDER_ID, providerModel: 'm' })
}

async function readValue(reply: Reply<unknown, unknown>): Promise<unknown> {
  if (reply.kind === 'value') return reply.value
  if (reply.kind === 'bytes') return JSON.parse(Buffer.from(reply.bytes as Uint8Array).toString())
  return bug('a call that does not stream got a stream')
}

async function readEvents(reply: Reply<unknown, unknown>, onEvent: (event: unknown) => void): Promise<void> {
  if (reply.kind === 'events') {
    for await (const event of reply.events) onEvent(event)
    return
  }
  if (reply.kind !== 'stream') bug('a call that streams got a value')
  const { stream } = reply
  await new Promise<void>((resolve, reject) => {
    const parser = createSseParser(({ data }) => {
      if (data === '[DONE]') return
      try {
        onEvent(JSON.parse(data))
      } catch (cause) {
        stream.cancel()
        reject(cause instanceof Error ? cause : new Error(String(cause)))
      }
    })
    stream.pipe({ data: (bytes) => parser.push(bytes), end: resolve, fail: reject })
  })
}
