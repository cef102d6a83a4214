/** What a request carries: its body, read by its content type. */
import type { IncomingMessage } from 'node:http'
import { StackError } from '@llama-stack/api'
import type { Route } from '@llama-stack/api'
import type { PlainRequest } from './fast-lane/plain-request.ts'
import { parseForm } from './form-body.ts'
import { parseJson } from './parse-request.ts'
import { readBody } from './read-body.ts'
import { MessageRequest } from './web-socket/message-request.ts'

/** The body of a request. */
export interface Payload {
  /** As it was parsed; an empty object where there was none. */
  readonly body: unknown
  /** Its bytes, where they are JSON. */
  readonly rawBody: Uint8Array | undefined
}

const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i
const FORM_TYPE = /^application\/x-www-form-urlencoded\s*(?:;|$)/i

/** Reads the body that a route takes. Throws `unsupported_media_type`, `body_too_large` and `invalid_json`. */
export async function readPayload(
  request: IncomingMessage | PlainRequest | MessageRequest,
  route: Route,
  maxBytes: number,
): Promise<Payload> {
  const { body: schema, forms = false } = route
  if (schema === undefined) return { body: {}, rawBody: undefined }
  if (request instanceof MessageRequest) return { body: request.read(), rawBody: undefined }
  const { 'content-type': contentType } = request.headers
  const isJson = contentType === undefined || JSON_TYPE.test(contentType)
  if (!isJson && !(forms && FORM_TYPE.test(contentType))) {
    throw new StackError('unsupported_media_type', {
      contentType: contentType.slice(0, 80),
      expected: forms ? 'application/json or application/x-www-form-urlencoded' : 'application/json',
    })
  }
  const bytes = await readBody(request, maxBytes)
  if (bytes === undefined) return { body: {}, rawBody: undefined }
  return isJson ? { body: parseJson(bytes), rawBody: bytes } : { body: parseForm(bytes, schema), rawBody: undefined }
}
