/**
 * Record and replay as a wrapper of the transport: providers do not know of it. Files and rules are those of both
 * generations of upstream's recorder.
 */
import type { Clock, Log, Upstream, UpstreamRequest, UpstreamResponse } from '@llama-stack/api'
import { bytesStream, readAll } from '../kernel/byte-stream.ts'
import type { RecordingMode } from './environment.ts'
import { createLookupLog } from './lookup-log.ts'
import type { LookupLog } from './lookup-log.ts'
import { callTarget, toRecordedCall } from './recorded-call.ts'
import type { RecordedCall } from './recorded-call.ts'
import type { RecordedReply } from './recorded-reply.ts'
import { toNewRecording } from './recording-document.ts'
import { toMissError } from './recording-miss.ts'
import { RecordingStore } from './recording-store.ts'
import { findSecrets, redactSecrets, redactUrl } from './redaction.ts'

export interface RecordedUpstreamOptions {
  readonly mode: RecordingMode
  /** The tree of recordings: read wherever they lie in it, written where upstream would. */
  readonly directory: string
  readonly upstream: Upstream
  readonly clock: Clock
  readonly log: Log
  /** A file to which each hit, miss and new recording is appended as a JSON line. Default: none. */
  readonly lookupLog?: string
  /**
   * The test id of the first background response since the start. Upstream's workers keep it for all later ones, and
   * its recordings lie under it. Default: none.
   */
  readonly backgroundTestId?: () => string | undefined
}

/**
 * Creates a transport that answers from recordings, makes them, or both. Calls without a recording key are sent live
 * in every mode; in replay no other call reaches the network. Disposing it leaves the wrapped transport open.
 */
export function createRecordedUpstream(options: RecordedUpstreamOptions): Upstream & AsyncDisposable {
  const { mode, directory, backgroundTestId } = options
  const store = new RecordingStore({
    directory,
    mustExist: mode === 'replay',
    ...(backgroundTestId === undefined ? {} : { backgroundTestId }),
  })
  const lookups = createLookupLog({ file: options.lookupLog, clock: options.clock, log: options.log })
  const wrap = (upstream: Upstream): Upstream => ({
    send(request) {
      if (request.recording === undefined) return upstream.send(request)
      return sendRecorded(toRecordedCall(request.recording), request, { ...options, upstream, store, lookups })
    },
    with: (network) => wrap(upstream.with(network)),
  })
  return { ...wrap(options.upstream), [Symbol.asyncDispose]: () => lookups[Symbol.asyncDispose]() }
}

interface Recorder extends RecordedUpstreamOptions {
  readonly store: RecordingStore
  readonly lookups: LookupLog
}

async function sendRecorded(
  call: RecordedCall,
  request: UpstreamRequest,
  recorder: Recorder,
): Promise<UpstreamResponse> {
  const { mode, store, lookups, directory } = recorder
  if (mode === 'record') return record(call, request, recorder)
  const found = await store.find(call)
  if (found !== undefined) {
    lookups.note('hit', call, found.files)
    return toUpstreamResponse(found.reply)
  }
  lookups.note('miss', call, [])
  if (mode === 'record-if-missing') return record(call, request, recorder)
  const index = await store.index()
  throw await toMissError(call, { directory, files: index.files() })
}

/** A reply is kept in memory until it is written. */
const MAX_RECORDED_BYTES = 256 * 1024 * 1024

/** Sends the call, writes the recording, and answers from it: what a replay will give is what the caller gets now. */
async function record(call: RecordedCall, request: UpstreamRequest, recorder: Recorder): Promise<UpstreamResponse> {
  const { upstream, store, lookups, log } = recorder
  const response = await upstream.send(request)
  const bytes = await readAll(response.body, MAX_RECORDED_BYTES, request.provider)
  const contentType = response.headers['content-type'] ?? ''
  const text = toRecordedText(request, response.status, Buffer.from(bytes).toString())
  const recording = toNewRecording(call, { status: response.status, contentType, text })
  if (recording === undefined) {
    const target = redactUrl(callTarget(call.identity))
    log.warn('a reply was not recorded: the format has no room for it', { target, status: response.status })
    return { status: response.status, headers: response.headers, body: bytesStream(bytes) }
  }
  const document = redactSecrets(recording.document, findSecrets(request.headers, request.url))
  const reply = await store.write(recording.file, document)
  lookups.note('recorded', call, [recording.file])
  return toUpstreamResponse(reply)
}

/** Of a tool, what is recorded is its result, which is not always what the vendor says. */
function toRecordedText({ recording }: UpstreamRequest, status: number, text: string): string {
  return recording?.kind === 'tool' && status < 300 ? (recording.toResult?.(text) ?? text) : text
}

function toUpstreamResponse({ status, contentType, bytes }: RecordedReply): UpstreamResponse {
  return { status, headers: { 'content-type': contentType }, body: bytesStream(bytes) }
}
