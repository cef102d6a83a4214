/** A provider's answer to a completion, whatever its kind, on its way to the client. */
import type { CompletionReply, Reply, UpstreamResponse } from '@llama-stack/api'
import { isStackError, StackError } from '@llama-stack/api'
import { MAX_TEXT_BYTES, readAll } from '../../kernel/byte-stream.ts'
import { toProviderError } from '../../kernel/provider-failure.ts'
import { sseData } from '../../kernel/sse.ts'
import type { CompletionObserver } from './completion-observer.ts'
import { CompletionStream } from './completion-stream.ts'
import { createModelRenamer } from './rename-model.ts'
import { ReplyRepair } from './repair-chunk.ts'
import type { RepairDefaults } from './repair-chunk.ts'
import { isRecord } from '../../kernel/json-record.ts'
import { parseReplyJson } from './parse-reply-json.ts'
import { isUsageOnly } from './usage-only.ts'

export interface RelayOptions<Value, Event> {
  readonly reply: CompletionReply<Value, Event>
  readonly provider: string
  readonly observer: CompletionObserver
  readonly streamed: boolean
  readonly repair: RepairDefaults
  /** What `model` is to say. Absent: what the provider says. */
  readonly rename?: string
}

/** A completion of all the choices and log probabilities that a client can ask for stays far below. */
const MAX_REPLY_BYTES = 256 * 1024 * 1024

/** Relays, observes and commits. The reply's end is told only after the commit. */
export async function relayCompletion<Value extends object, Event extends object>(
  options: RelayOptions<Value, Event>,
): Promise<Reply<Value, Event>> {
  const { reply, observer } = options
  switch (reply.kind) {
    case 'events':
      return { kind: 'events', events: observed(options, reply), ...headersOf(reply) }
    case 'value': {
      const named = options.rename === undefined ? reply.value : { ...reply.value, model: options.rename }
      observer.see(named)
      if (observer.keeps) observer.collect(Buffer.from(JSON.stringify(named)))
      await observer.finish('json')
      return { kind: 'value', value: named, ...headersOf(reply) }
    }
    case 'upstream':
      return options.streamed ? stream(options, reply.response) : body(options, reply.response)
  }
}

function headersOf({ headers }: { readonly headers?: Readonly<Record<string, string>> }) {
  return headers === undefined ? {} : { headers }
}

function stream<Value, Event>(options: RelayOptions<Value, Event>, response: UpstreamResponse): Reply<Value, Event> {
  const { reply, provider, observer, rename } = options
  return {
    kind: 'stream',
    contentType: 'text/event-stream',
    stream: new CompletionStream({
      source: response.body,
      provider,
      quirks: reply.kind === 'upstream' ? reply.quirks : {},
      repair: new ReplyRepair(options.repair),
      observer,
      ...(rename === undefined ? {} : { rename: createModelRenamer(rename) }),
    }),
  }
}

async function body<Value, Event>(
  options: RelayOptions<Value, Event>,
  response: UpstreamResponse,
): Promise<Reply<Value, Event>> {
  const { provider, observer } = options
  let reply: Mended
  try {
    reply = mend(options, await readAll(response.body, MAX_REPLY_BYTES, provider))
  } catch (error) {
    observer.fail(isStackError(error) ? error.code : 'internal_error')
    throw error
  }
  const { bytes, text } = reply
  if (observer.keeps) observer.collect(bytes ?? Buffer.from(text))
  const kept = observer.finish('json')
  if (kept !== undefined) await kept
  const sent = bytes !== undefined && bytes.byteLength > MAX_TEXT_BYTES ? bytes : text
  return { kind: 'bytes', bytes: sent, contentType: 'application/json' }
}

interface Mended {
  readonly text: string
  /** The vendor's bytes, where they are what the text says. */
  readonly bytes: Uint8Array | undefined
}

function mend<Value, Event>(options: RelayOptions<Value, Event>, bytes: Uint8Array): Mended {
  const { reply, provider, observer, rename } = options
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  const parsed = parseReply(provider, text)
  const quirks = reply.kind === 'upstream' ? reply.quirks : {}
  const mended = quirks.repair?.(parsed) ?? parsed
  const changed = new ReplyRepair(options.repair).mend(mended) || mended !== parsed
  observer.see(mended)
  const json = changed ? JSON.stringify(mended) : text
  const named = rename === undefined ? json : createModelRenamer(rename)(json, mended)
  return { text: named, bytes: named === text ? bytes : undefined }
}

function parseReply(provider: string, text: string): Record<string, unknown> {
  const fields = parseReplyJson(provider, text)
  if (!isRecord(fields)) throw new StackError('provider_bad_reply', { provider, reason: 'it is not a JSON object' })
  // Some vendors report a failure with status 200.
  if (fields['choices'] === undefined && fields['error'] !== undefined && fields['error'] !== null) {
    throw toProviderError(provider, { status: 502, headers: {}, bodyText: text })
  }
  return fields
}

/** Typed events of a provider that translates or computes. */
async function* observed<Value, Event extends object>(
  { observer, rename }: RelayOptions<Value, Event>,
  { events, stripUsageChunk = false }: Extract<CompletionReply<Value, Event>, { readonly kind: 'events' }>,
): AsyncGenerator<Event> {
  let ended = false
  try {
    for await (const event of events) {
      const named = rename === undefined ? event : { ...event, model: rename }
      observer.see(named)
      if (stripUsageChunk && isUsageOnly(named)) continue
      if (observer.keeps) observer.collect(Buffer.from(sseData(JSON.stringify(named))))
      yield named
    }
    ended = true
  } finally {
    if (!ended) observer.fail('stream_broken')
  }
  await observer.finish('sse')
}
