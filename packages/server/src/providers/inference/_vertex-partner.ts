/** Chats with the models of other publishers: Vertex AI's OpenAI-compatible endpoint, relayed as bytes. */
import type {
  ChatCompletionRequest,
  ProviderCall,
  RecordingKey,
  StreamQuirks,
  UpstreamResponse,
} from '@llama-stack/api'
import { asRecord } from '../../kernel/json-record.ts'
import { toDialect } from './_dialect.ts'
import type { OutboundBody } from './_dialect.ts'
import { operationPaths, toOutboundBody, toRecordedBody } from './_outbound-body.ts'
import type { VertexAccess } from './_vertex-access.ts'

const dialect = toDialect({
  type: 'remote::vertexai',
  description: 'Models of other publishers on Google Vertex AI.',
  providerData: 'vertex_access_token',
})

/** What the chat is asked with. */
export interface PartnerCall {
  readonly access: VertexAccess
  /** `publisher/model`. */
  readonly model: string
  readonly request: ChatCompletionRequest
  readonly call: ProviderCall
  /** Whether usage may be asked for that the client did not ask for. */
  readonly accounting: boolean
}

/** Sends the chat as it is. */
export async function askPartnerModel(
  asked: PartnerCall,
): Promise<{ readonly kind: 'upstream'; readonly response: UpstreamResponse; readonly quirks: StreamQuirks }> {
  const { access, model, request, call } = asked
  const place = await access.locate(call)
  const body = toOutboundBody({ ...request, model }, 'chat', dialect)
  const asksUsage = asked.accounting && addUsage(body)
  const recording = (recordedUrl: string): RecordingKey => ({
    kind: 'inference',
    baseUrl: recordedUrl.slice(0, -operationPaths.chat.length),
    endpoint: '/v1/chat/completions',
    body: toRecordedBody(body, 'chat'),
    testId: call.testId ?? null,
  })
  const url = `${place.root}/v1${place.parent}/endpoints/openapi${operationPaths.chat}`
  const response = await access.send({ method: 'POST', url, body, recording }, { place, call })
  return { kind: 'upstream', response, quirks: asksUsage ? { stripUsageChunk: true } : {} }
}

/** Whether usage was added that the client did not ask for. */
function addUsage(body: OutboundBody): boolean {
  const options = asRecord(body['stream_options'])
  if (body['stream'] !== true || options['include_usage'] === true) return false
  body['stream_options'] = { ...options, include_usage: true }
  return true
}
