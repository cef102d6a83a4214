/** What identifies a provider call to a recording: the call's key with its numbers as Python would hold them. */
import type { JsonObject, RecordingKey } from '@llama-stack/api'
import { asObject, JsonNumber, toLosslessObject } from './lossless-json.ts'
import type { LosslessObject } from './lossless-json.ts'
import { pythonFloat } from './python-json.ts'

/** A call through a vendor's SDK: OpenAI's, Ollama's or Google's. */
export interface SdkIdentity {
  readonly kind: 'sdk'
  /** As upstream builds it: base URL and endpoint. Its path is hashed, its host is not. */
  readonly url: string
  /** What upstream patched: `/v1/chat/completions`, `/api/ps`. */
  readonly endpoint: string
  readonly body: LosslessObject
}

/** A plain HTTP call; here the host counts. */
export interface HttpIdentity {
  readonly kind: 'http'
  readonly url: string
  readonly body: LosslessObject
}

/** A search tool's invocation; neither the test nor the URL counts. */
export interface ToolIdentity {
  readonly kind: 'tool'
  readonly provider: string
  readonly toolName: string
  readonly arguments: LosslessObject
}

export type RequestIdentity = SdkIdentity | HttpIdentity | ToolIdentity

/** Where upstream's Ollama client is taken to listen, wherever it does. */
const OLLAMA_ORIGIN = 'http://localhost:11434'

/** Builds the identity of a live call. */
export function toIdentity(key: RecordingKey): RequestIdentity {
  switch (key.kind) {
    case 'inference': {
      const url = maskDatabricksHost(key.baseUrl.replace(/\/+$/, '') + key.endpoint)
      return { kind: 'sdk', url, endpoint: key.endpoint, body: toPythonBody(key.body) }
    }
    case 'ollama':
      return { kind: 'sdk', url: OLLAMA_ORIGIN + key.endpoint, endpoint: key.endpoint, body: toPythonBody(key.body) }
    case 'http':
      return { kind: 'http', url: key.url, body: toPythonBody(key.body) }
    case 'tool':
      return {
        kind: 'tool',
        provider: key.provider,
        toolName: key.toolName,
        arguments: toLosslessObject(key.arguments),
      }
  }
}

/** The identity of a call through Google's SDK; the endpoint is `/generate_content` or one of its siblings. */
export function toGenaiIdentity(endpoint: string, body: JsonObject): SdkIdentity {
  return { kind: 'sdk', url: `vertexai://${endpoint}`, endpoint, body: toPythonBody(body) }
}

/** Model lists are named by what they hold as well, and every list of one path answers together. */
export function isModelList(identity: RequestIdentity): identity is SdkIdentity {
  return identity.kind === 'sdk' && MODEL_LIST_ENDPOINTS.has(identity.endpoint)
}

const MODEL_LIST_ENDPOINTS: ReadonlySet<string> = new Set(['/api/tags', '/v1/models', '/v1/openai/v1/models'])

/** A Databricks workspace is part of the host name; upstream keeps it out of its files. */
function maskDatabricksHost(url: string): string {
  const domain = 'cloud.databricks.com'
  const at = url.indexOf(domain)
  return at === -1 ? url : `__databricks__${url.slice(at + domain.length)}`
}

/**
 * Upstream declares these request fields as floats, so that a client's 1 reaches its hash as 1.0. Everything else that
 * a client writes as an integer stays one.
 */
const FLOAT_FIELDS: ReadonlySet<string> = new Set([
  'temperature',
  'top_p',
  'frequency_penalty',
  'presence_penalty',
  'repeat_penalty',
  'repetition_penalty',
])
/** Ollama and Google keep the sampling fields one level down. */
const FLOAT_FIELD_PARENTS = ['options', 'config', 'generation_config']

function toPythonBody(body: JsonObject): LosslessObject {
  const converted = toLosslessObject(body)
  markFloats(converted, FLOAT_FIELDS)
  for (const parent of FLOAT_FIELD_PARENTS) markFloats(asObject(converted.get(parent)), FLOAT_FIELDS)
  markFloats(asObject(converted.get('logit_bias')))
  return converted
}

function markFloats(object: LosslessObject | undefined, fields?: ReadonlySet<string>): void {
  for (const [key, value] of object ?? []) {
    if (!(value instanceof JsonNumber) || (fields !== undefined && !fields.has(key))) continue
    object?.set(key, new JsonNumber(pythonFloat(Number(value.lexeme))))
  }
}
