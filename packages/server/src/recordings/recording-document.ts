/** A provider's reply as a recording: the document that upstream would have written for the same exchange. */
import { createHash } from 'node:crypto'
import { createSseParser } from '../kernel/sse.ts'
import { asObject, asString, JsonNumber, objectOf, parseLossless } from './lossless-json.ts'
import type { LosslessJson, LosslessObject } from './lossless-json.ts'
import { compareCodePoints } from './python-json.ts'
import { recordingName } from './recorded-call.ts'
import type { RecordedCall } from './recorded-call.ts'
import { recordingDirectory } from './recording-index.ts'
import { redactNamedSecrets, redactUrl } from './redaction.ts'
import { isModelList } from './request-identity.ts'
import type { HttpIdentity, SdkIdentity } from './request-identity.ts'
import { toExceptionResponse } from './sdk-exception.ts'
import { findSdkObject, stabilize, toSdkDump } from './sdk-objects.ts'

/** A reply that has been read to its end. */
export interface DrainedReply {
  readonly status: number
  readonly contentType: string
  readonly text: string
}

/** A recording to be written, and where below the directory. */
export interface NewRecording {
  readonly file: string
  readonly document: LosslessObject
}

/** Builds the recording of an exchange, or gives undefined where upstream's format has no room for the reply. */
export function toNewRecording(call: RecordedCall, reply: DrainedReply): NewRecording | undefined {
  const name = recordingName(call)
  const response = toResponse(call, reply, name)
  if (response === undefined) return undefined
  const request = toRequest(call)
  const isSeed = name.length < HEAD_NAME_LENGTH
  const document: LosslessObject = isSeed
    ? objectOf({ request, response })
    : objectOf({ test_id: call.testId, request, response, id_normalization_mapping: new Map() })
  const isList = isModelList(call.identity) && response.get('is_exception') !== true
  const stem = isList ? `models-${name}-${modelDigest(response)}` : name
  // The seed generation looks nowhere but in `responses`.
  return { file: `${isSeed ? 'responses' : recordingDirectory(call.testId)}/${stem}.json`, document }
}

const HEAD_NAME_LENGTH = 64

function toRequest({ identity, testId }: RecordedCall): LosslessObject {
  switch (identity.kind) {
    case 'sdk':
      return objectOf({
        method: 'POST',
        url: redactUrl(identity.url),
        headers: new Map(),
        body: redactNamedSecrets(identity.body),
        endpoint: identity.endpoint,
        model: asString(identity.body.get('model')) ?? '',
      })
    case 'http':
      return objectOf({
        test_id: testId,
        url: redactUrl(identity.url),
        method: 'POST',
        payload: redactNamedSecrets(identity.body),
      })
    case 'tool':
      return objectOf({
        test_id: testId,
        provider: identity.provider,
        tool_name: identity.toolName,
        kwargs: redactNamedSecrets(identity.arguments),
      })
  }
}

function toResponse(call: RecordedCall, reply: DrainedReply, name: string): LosslessObject | undefined {
  const { identity } = call
  if (identity.kind === 'http') return httpResponse(identity, reply)
  if (reply.status >= 400) return identity.kind === 'sdk' ? toExceptionResponse(reply.status, reply.text) : undefined
  if (reply.status >= 300) return undefined
  return identity.kind === 'tool' ? toolResponse(reply) : sdkResponse(identity, reply, name)
}

function httpResponse(identity: HttpIdentity, reply: DrainedReply): LosslessObject | undefined {
  const status = new JsonNumber(String(reply.status))
  if (isStream(identity.body, reply)) {
    const lines = reply.text.split(/\r\n|\r|\n/)
    if (lines.at(-1) === '') lines.pop()
    return objectOf({ status, body: lines, is_streaming: true })
  }
  const body = findJson(reply.text)
  if (body === undefined) return undefined
  return objectOf({ status, body, is_streaming: false })
}

function toolResponse(reply: DrainedReply): LosslessObject {
  const data: LosslessObject = objectOf({ content: reply.text, error_message: null, error_code: null, metadata: null })
  const body: LosslessObject = objectOf({ __type__: 'ogx_api.tools.ToolInvocationResult', __data__: data })
  return objectOf({ body, is_streaming: false })
}

function sdkResponse(identity: SdkIdentity, reply: DrainedReply, name: string): LosslessObject | undefined {
  const isStreaming = isStream(identity.body, reply)
  const object = findSdkObject(identity.endpoint, isStreaming)
  const parsed = isStreaming ? findChunks(reply) : findJson(reply.text)
  if (object === undefined || parsed === undefined) return undefined
  const dump = (value: LosslessJson): LosslessJson | undefined => {
    const data = asObject(value)
    // Several vendors report a failure within a stream, or under a status of 200.
    if (data === undefined || (data.get('error') ?? null) !== null) return undefined
    const wrapped = toSdkDump(object, data)
    const dumped = asObject(wrapped.get('__data__'))
    if (name.length === HEAD_NAME_LENGTH && dumped !== undefined) {
      stabilize(dumped, { id: `rec-${name.slice(0, 12)}`, zero: new JsonNumber('0') })
    }
    return wrapped
  }
  const elements = isStreaming ? parsed : findModels(identity, parsed)
  const body = Array.isArray(elements) ? elements.map(dump) : dump(parsed)
  if (body === undefined || (Array.isArray(body) && !body.every((element) => element !== undefined))) return undefined
  return objectOf({ body, is_streaming: isStreaming })
}

/** The elements of a model list, which the SDK pages through; Together sends the bare array. */
function findModels(identity: SdkIdentity, parsed: LosslessJson): LosslessJson | undefined {
  if (identity.endpoint !== '/v1/models') return undefined
  const models = Array.isArray(parsed) ? parsed : asObject(parsed)?.get('data')
  if (!Array.isArray(models)) return undefined
  return models.every((model) => asString(asObject(model)?.get('id')) !== undefined) ? models : undefined
}

function isStream(body: LosslessObject, { contentType }: DrainedReply): boolean {
  if (contentType.includes('text/event-stream') || contentType.includes('x-ndjson')) return true
  // Some servers stream under `text/plain` or under no type at all.
  return body.get('stream') === true && !contentType.includes('json')
}

/** The chunks of a stream, or undefined where one is not JSON. */
function findChunks({ contentType, text }: DrainedReply): LosslessJson[] | undefined {
  const texts: string[] = []
  if (contentType.includes('x-ndjson')) texts.push(...text.split('\n').filter((line) => line.trim() !== ''))
  else {
    const parser = createSseParser(({ data }) => texts.push(data))
    parser.push(Buffer.from(text))
    parser.end()
  }
  const end = texts.indexOf('[DONE]')
  const chunks = texts.slice(0, end === -1 ? undefined : end).map(findJson)
  return chunks.every((chunk) => chunk !== undefined) ? chunks : undefined
}

function findJson(text: string): LosslessJson | undefined {
  try {
    return parseLossless(text)
  } catch {
    return undefined
  }
}

/** The end of a model list's file name: two lists of one path are two files when they hold different models. */
function modelDigest(response: LosslessObject): string {
  const body = response.get('body')
  const ofOllama = asObject(asObject(body)?.get('__data__'))?.get('models')
  const models = Array.isArray(body) ? body.map((model) => asObject(model)?.get('__data__')) : ofOllama
  const ids = (Array.isArray(models) ? models : []).map((model) => {
    const data = asObject(model)
    return asString(data?.get('id') ?? data?.get('model')) ?? ''
  })
  const sorted = [...new Set(ids)].sort(compareCodePoints)
  return createHash('sha256').update(sorted.join('|')).digest('hex').slice(0, 8)
}
