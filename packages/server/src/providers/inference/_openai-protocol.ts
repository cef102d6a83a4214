/**
 * One instance of a provider that speaks OpenAI's protocol. Its facts come from a dialect; replies are handed over as
 * they come from the wire, so that the service can relay the bytes.
 */
import { StackError } from '@llama-stack/api'
import type { InferenceProvider, ProviderCall, StreamQuirks, UpstreamResponse } from '@llama-stack/api'
import type { Dialect, Operation, OutboundBody } from './_dialect.ts'
import { inlineImages } from './_inline-images.ts'
import { asRecord, isRecord } from '../../kernel/json-record.ts'
import { checkHealth, listModels } from './_model-list.ts'
import { toOutboundBody } from './_outbound-body.ts'
import type { ClientRequest } from './_outbound-body.ts'
import { OutgoingCall } from './_outgoing-call.ts'
import { toHookConfig } from './_provider-settings.ts'
import { toProtocolContext } from './_protocol-context.ts'
import type { ProtocolContext, ProtocolInput } from './_protocol-context.ts'
import { rerankDocuments } from './_rerank.ts'
import { expectSuccess } from './_vendor-reply.ts'

/** Builds the instance. */
export function createOpenAiProtocol(dialect: Dialect, input: ProtocolInput): InferenceProvider {
  const context = toProtocolContext(dialect, input)
  const post = createPoster(context, input)
  const embedding = toEmbeddingQuirks(dialect)
  return {
    async chatCompletion(request, call) {
      const { response, quirks } = await post('chat', request, call)
      return { kind: 'upstream', response, quirks }
    },
    ...(dialect.completions && {
      async completion(request, call) {
        const { response, quirks } = await post('completions', request, call)
        return { kind: 'upstream', response, quirks }
      },
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
    models: (call) => listModels(context, call),
    health: (call) => checkHealth(context, call),
  } satisfies InferenceProvider
}

interface Posted {
  readonly response: UpstreamResponse
  readonly quirks: StreamQuirks
}

type Poster = (operation: Operation, request: ClientRequest, call: ProviderCall) => Promise<Posted>

function createPoster(context: ProtocolContext, input: ProtocolInput): Poster {
  const { dialect } = context
  const hookConfig = toHookConfig(context.settings)
  const plain = toStreamQuirks(dialect)
  const stripping: StreamQuirks = Object.freeze({ ...plain, stripUsageChunk: true })
  const mayAskUsage = input.accounting === true && dialect.streamUsage

  return async (operation, request, call) => {
    context.expectAllowed(request['model'])
    const target = await context.locate(call)
    let body = toOutboundBody(request, operation, dialect)
    if (dialect.request !== undefined) body = dialect.request(body, operation, hookConfig)
    if (dialect.inlineImages && operation === 'chat') {
      body = await inlineImages(body, { upstream: context.upstreamFor('caller'), signal: call.signal })
    }
    const asks = mayAskUsage && asksNoUsage(body)
    if (asks) body['stream_options'] = { ...asRecord(body['stream_options']), include_usage: true }
    const outbound = new OutgoingCall({ provider: context.id, target, operation, body, call })
    const response = await context.upstreamFor(target.chosenBy).send(outbound)
    return { response: await expectSuccess(context.id, response), quirks: asks ? stripping : plain }
  }
}

function asksNoUsage(body: OutboundBody): boolean {
  return body['stream'] === true && asRecord(body['stream_options'])['include_usage'] !== true
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
  throw new StackError('invalid_value', {
    param: 'input',
    problem: 'this provider does not take token ids',
    fix: 'Send the text itself.',
  })
}
