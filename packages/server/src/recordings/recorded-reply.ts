/** A recording as an HTTP reply: what the vendor's server would have sent, from what upstream's SDK had parsed. */
import { StackError } from '@llama-stack/api'
import { sseData, sseDone } from '../kernel/sse.ts'
import { asObject, asString, JsonNumber, objectOf, renderLossless } from './lossless-json.ts'
import type { LosslessJson, LosslessObject } from './lossless-json.ts'
import { compareCodePoints } from './python-json.ts'

/** A parsed recording and where it lies below the directory. */
export interface Recording {
  readonly file: string
  readonly document: LosslessObject
}

/** A reply ready to be sent. */
export interface RecordedReply {
  readonly status: number
  readonly contentType: string
  readonly bytes: Uint8Array
}

const JSON_TYPE = 'application/json'

/** Renders a recording by its shape; the bytes are the same every time. */
export function toRecordedReply(recording: Recording): RecordedReply {
  const request = asObject(recording.document.get('request')) ?? new Map()
  const response = responseOf(recording)
  if (response.get('is_exception') === true) return exceptionReply(recording, response)
  if (request.has('kwargs')) return toolReply(recording, response)
  if (request.has('payload')) return httpReply(recording, response)
  const body = response.get('body')
  if (response.get('is_streaming') === true) {
    const chunks = elementsOf(recording, body).map(renderLossless)
    return asString(request.get('endpoint'))?.startsWith('/api/') === true ? jsonLines(chunks) : eventStream(chunks)
  }
  if (Array.isArray(body)) return toModelListReply([recording])
  return json(200, unwrap(recording, body))
}

/** Renders every list of one path as one: merged by id, the later file wins, sorted by id. */
export function toModelListReply(recordings: readonly Recording[]): RecordedReply {
  const merged = new Map<string, LosslessJson>()
  let idKey = 'id'
  for (const recording of recordings) {
    const body = responseOf(recording).get('body')
    // Ollama's own list is one object, OpenAI's SDK gives an array of models.
    const own = Array.isArray(body) ? undefined : asObject(unwrap(recording, body))
    if (own !== undefined) idKey = 'model'
    const models =
      own === undefined ? elementsOf(recording, body) : elementsOf(recording, own.get('models'), (model) => model)
    for (const model of models) {
      const id = asString(asObject(model)?.get(idKey))
      if (id === undefined) throw unreadable(recording, `a model without ${idKey}`)
      merged.set(id, model)
    }
  }
  const models = [...merged].sort(([a], [b]) => compareCodePoints(a, b)).map(([, model]) => model)
  return json(200, idKey === 'model' ? objectOf({ models }) : objectOf({ object: 'list', data: models }))
}

function responseOf(recording: Recording): LosslessObject {
  const response = asObject(recording.document.get('response'))
  if (response === undefined) throw unreadable(recording, "it has no 'response'")
  return response
}

/** The vendor's error, wrapped as on the wire: the SDK hands over what is inside `error`. */
function exceptionReply(recording: Recording, response: LosslessObject): RecordedReply {
  const exception = asObject(response.get('exception_data'))
  if (exception === undefined) throw unreadable(recording, "an exception without 'exception_data'")
  const body = exception.get('body') ?? null
  const status = numberOr(exception.get('status_code'), 500)
  if (Array.isArray(body)) return json(status, body)
  const message = objectOf({ message: exception.get('message') ?? null })
  return json(status, objectOf({ error: body ?? message }))
}

/** A tool's result is a text; search tools put JSON into it. */
function toolReply(recording: Recording, response: LosslessObject): RecordedReply {
  const result = asObject(unwrap(recording, response.get('body')))
  const failure = asString(result?.get('error_message'))
  if (failure !== undefined) {
    return json(numberOr(result?.get('error_code'), 500), objectOf({ error: objectOf({ message: failure }) }))
  }
  const content = result?.get('content') ?? null
  return text(200, JSON_TYPE, typeof content === 'string' ? content : renderLossless(content))
}

/** Raw traffic: a JSON body, or the lines of an event stream. */
function httpReply(recording: Recording, response: LosslessObject): RecordedReply {
  const body = response.get('body')
  const status = numberOr(response.get('status'), 200)
  if (response.get('is_streaming') !== true) return json(status, body ?? null)
  const lines = elementsOf(recording, body, (line) => line).map((line) => `${asString(line) ?? ''}\n`)
  return text(status, 'text/event-stream', lines.join(''))
}

function eventStream(chunks: readonly string[]): RecordedReply {
  return text(200, 'text/event-stream', chunks.map(sseData).join('') + sseDone)
}

/** How Ollama's own API streams. */
function jsonLines(chunks: readonly string[]): RecordedReply {
  return text(200, 'application/x-ndjson', chunks.map((chunk) => `${chunk}\n`).join(''))
}

function elementsOf(
  recording: Recording,
  body: LosslessJson | undefined,
  read: (element: LosslessJson) => LosslessJson = (element) => unwrap(recording, element),
): LosslessJson[] {
  if (!Array.isArray(body)) throw unreadable(recording, 'its body is not a list')
  return body.map(read)
}

/** The data of `{"__type__": …, "__data__": …}`. */
function unwrap(recording: Recording, wrapped: LosslessJson | undefined): LosslessJson {
  const data = asObject(wrapped)?.get('__data__')
  if (data === undefined) throw unreadable(recording, "an object without '__data__'")
  return data
}

function numberOr(value: LosslessJson | undefined, otherwise: number): number {
  return value instanceof JsonNumber ? Number(value.lexeme) : otherwise
}

function json(status: number, value: LosslessJson): RecordedReply {
  return text(status, JSON_TYPE, renderLossless(value))
}

function text(status: number, contentType: string, content: string): RecordedReply {
  return { status, contentType, bytes: Buffer.from(content) }
}

function unreadable({ file }: Recording, reason: string): StackError {
  return new StackError('recording_unreadable', { file, reason })
}
