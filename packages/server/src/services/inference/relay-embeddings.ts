/** A provider's embeddings on their way to the client. */
import type { CompletionReply, EmbeddingsResponse, Reply } from '@llama-stack/api'
import { isStackError, StackError } from '@llama-stack/api'
import { readAll } from '../../kernel/byte-stream.ts'
import type { CompletionObserver } from './completion-observer.ts'
import { createModelRenamer } from './rename-model.ts'
import { isRecord } from '../../kernel/json-record.ts'
import { parseReplyJson } from './parse-reply-json.ts'

export interface EmbeddingsRelayOptions {
  readonly reply: Exclude<CompletionReply<EmbeddingsResponse, never>, { kind: 'events' }>
  readonly provider: string
  readonly observer: CompletionObserver
  /** What the client asked for. */
  readonly format: 'float' | 'base64'
  readonly rename?: string
}

const MAX_REPLY_BYTES = 512 * 1024 * 1024

/** Relays the vendor's bytes where they are already what was asked for; mends encoding, usage and model where not. */
export async function relayEmbeddings(options: EmbeddingsRelayOptions): Promise<Reply<EmbeddingsResponse>> {
  const { reply, observer, provider, rename } = options
  if (reply.kind === 'value') {
    observer.see(reply.value)
    await observer.finish('json')
    const named = rename === undefined ? reply.value : { ...reply.value, model: rename }
    return { kind: 'value', value: named, ...(reply.headers === undefined ? {} : { headers: reply.headers }) }
  }
  try {
    const bytes = await readAll(reply.response.body, MAX_REPLY_BYTES, provider)
    return mend(options, reply, bytes)
  } catch (error) {
    observer.fail(isStackError(error) ? error.code : 'internal_error')
    throw error
  } finally {
    // Nothing is kept of embeddings; only the attempt is noted.
    void observer.finish('json')
  }
}

type UpstreamReply = Extract<EmbeddingsRelayOptions['reply'], { kind: 'upstream' }>

function mend(options: EmbeddingsRelayOptions, reply: UpstreamReply, bytes: Uint8Array): Reply<EmbeddingsResponse> {
  const { observer, provider, rename } = options
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  const parsed = parseReply(provider, text)
  const mended = reply.quirks.repair?.(parsed) ?? parsed
  const encoded = encodeAll(mended, options.format)
  observer.see(mended)
  const json = encoded || mended !== parsed ? JSON.stringify(mended) : text
  const named = rename === undefined ? json : createModelRenamer(rename)(json, mended)
  return { kind: 'bytes', bytes: named === text ? bytes : Buffer.from(named), contentType: 'application/json' }
}

type Fields = Record<string, unknown>

function parseReply(provider: string, text: string): Fields {
  const parsed = parseReplyJson(provider, text)
  if (!isRecord(parsed) || !Array.isArray(parsed['data']) || !parsed['data'].every(isRecord)) {
    throw new StackError('provider_bad_reply', { provider, reason: 'it has no list of embeddings' })
  }
  return parsed
}

/** Brings embeddings of the other encoding into the one that was asked for. Whether there were any. */
function encodeAll(reply: Fields, format: 'float' | 'base64'): boolean {
  let changed = false
  // Checked when it was parsed.
  for (const entry of reply['data'] as Fields[]) {
    const { embedding } = entry
    if (format === 'base64' && Array.isArray(embedding)) {
      entry['embedding'] = Buffer.from(Float32Array.from(embedding as number[]).buffer).toString('base64')
      changed = true
    } else if (format === 'float' && typeof embedding === 'string') {
      const bytes = Buffer.from(embedding, 'base64')
      entry['embedding'] = Array.from({ length: Math.floor(bytes.byteLength / 4) }, (_, index) =>
        bytes.readFloatLE(index * 4),
      )
      changed = true
    }
  }
  return changed
}
