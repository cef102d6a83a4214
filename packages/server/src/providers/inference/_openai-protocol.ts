/**
 * One instance of a provider that speaks OpenAI's protocol. Its facts come from a dialect; replies are handed over as
 * they come from the wire, so that the service can relay the bytes.
 */
import type { InferenceProvider, ProviderCall, StreamQuirks, UpstreamRequest, UpstreamResponse } from '@llama-stack/api'
import { adoptModel } from './_adopt-model.ts'
import type { CallTarget } from './_call-target.ts'
import type { Dialect, NativeCall, Operation, OutboundBody } from './_dialect.ts'
import { tokensRefused } from './_embedding-texts.ts'
import { inlineImages } from './_inline-images.ts'
import { asRecord, isRecord } from '../../kernel/json-record.ts'
import { checkHealth, listModels } from './_model-list.ts'
import { toOutboundBody } from './_outbound-body.ts'
import type { ClientRequest } from './_outbound-body.ts'
import { OutgoingCall } from './_outgoing-call.ts'
import { toBaseUrl, toHookConfig, toRoot } from './_provider-settings.ts'
import type { ProtocolContext } from './_protocol-context.ts'
import { rerankDocuments } from './_rerank.ts'
import { expectSuccess, isSuccess } from './_vendor-reply.ts'

/** What every instance has; the rest depends on the dialect. */
export type OpenAiProtocol = InferenceProvider &
  Required<Pick<InferenceProvider, 'chatCompletion' | 'models' | 'health'>>

/** Builds the instance. */
export function createOpenAiProtocol(context: ProtocolContext): OpenAiProtocol {
  const { dialect } = context
  const post = createPoster(context)
  const embedding = toEmbeddingQuirks(dialect)
  return {
    chatCompletion: (request, call) => post('chat', request, call),
    ...(dialect.completions && {
      completion: (request, call) => post('completions', request, call),
    }),
    ...(dialect.embeddings && {
      async embeddings(request, call) {
        if (!dialect.tokenInput) refuseTokens(request.input)
        const complete = { ...request, encoding_format: request.encoding_format ?? 'float' }
        const { response } = await post('embeddings', complete, call)
        return { kind: 'upstream', response, quirks: embedding }
      },
    }),
    ...(dialect.rerank !== undefined && {
      async rerank(request, call) {
        return { kind: 'value', value: await rerankDocuments(context, request, call) }
      },
    }),
    ...(isAtHome(context) && dialect.catalog !== undefined && { catalog: dialect.catalog }),
    ...(dialect.replyCountsAsContext && { replyCountsAsContext: true }),
    models: (call) => listModels(context, call),
    health: (call) => checkHealth(context, call),
    adoptModel: (model, call) => adoptModel(context, model, call),
  } satisfies OpenAiProtocol
}

/** Whether calls go to the vendor's own address. */
function isAtHome({ dialect, settings }: ProtocolContext): boolean {
  return dialect.baseUrl !== undefined && toBaseUrl(dialect, settings) === dialect.baseUrl
}

interface Posted {
  readonly kind: 'upstream'
  readonly response: UpstreamResponse
  readonly quirks: StreamQuirks
}

type Poster = (operation: Operation, request: ClientRequest, call: ProviderCall) => Promise<Posted>

function createPoster(context: ProtocolContext): Poster {
  const { dialect } = context
  const hookConfig = toHookConfig(context.settings)
  const plain = toStreamQuirks(dialect)
  const stripping: StreamQuirks = Object.freeze({ ...plain, stripUsageChunk: true })
  const mayAskUsage = context.live && dialect.streamUsage

  return async (operation, request, call) => {
    context.expectAllowed(request['model'])
    // Nothing is waited for that is there: each wait costs a turn of the microtasks.
    const located = context.locate(call)
    const target = located instanceof Promise ? await located : located
    let body = toOutboundBody(request, operation, dialect)
    if (dialect.request !== undefined) body = dialect.request(body, operation, hookConfig)
    if (dialect.inlineImages && operation === 'chat') {
      body = await inlineImages(body, { upstream: context.upstreamFor('caller'), signal: call.signal })
    }
    const asks = mayAskUsage && asksNoUsage(body)
    if (asks) body['stream_options'] = { ...asRecord(body['stream_options']), include_usage: true }
    const native = context.live ? dialect.native?.(body, operation, hookConfig) : undefined
    const outbound =
      native === undefined
        ? new OutgoingCall({ provider: context.id, target, operation, body, call })
        : toNativeRequest(native, { context, target, call })
    const response = await context.send(outbound, { target, call })
    const quirks = asks ? stripping : plain
    const answer = isSuccess(response) ? response : await expectSuccess(context.id, response)
    const translated = native === undefined ? undefined : await native.translate(answer)
    return { kind: 'upstream', response: translated ?? answer, quirks }
  }
}

function asksNoUsage(body: OutboundBody): boolean {
  return body['stream'] === true && asRecord(body['stream_options'])['include_usage'] !== true
}

interface NativeOutgoing {
  readonly context: ProtocolContext
  readonly target: CallTarget
  readonly call: ProviderCall
}

/** It has no recording key: it is sent in live mode only. */
function toNativeRequest({ path, body }: NativeCall, { context, target, call }: NativeOutgoing): UpstreamRequest {
  return {
    method: 'POST',
    url: toRoot(context.dialect, target.baseUrl) + path,
    headers: target.headers,
    body: JSON.stringify(body),
    chosenBy: target.chosenBy,
    provider: context.id,
    signal: call.signal,
  }
}

function toStreamQuirks(dialect: Dialect): StreamQuirks {
  return Object.freeze({
    ...(dialect.overwriteId && { overwriteId: true }),
    ...(dialect.chunk !== undefined && { repair: dialect.chunk }),
  })
}

function toEmbeddingQuirks({ missingUsage }: Dialect): StreamQuirks {
  if (missingUsage === undefined) return Object.freeze({})
  const usage = Object.freeze({ prompt_tokens: missingUsage, total_tokens: missingUsage })
  return Object.freeze({
    repair: (reply: Record<string, unknown>) => (isRecord(reply['usage']) ? reply : { ...reply, usage }),
  })
}

function refuseTokens(input: unknown): void {
  const first: unknown = Array.isArray(input) ? input[0] : undefined
  if (typeof first !== 'number' && !Array.isArray(first)) return
  throw tokensRefused()
}
