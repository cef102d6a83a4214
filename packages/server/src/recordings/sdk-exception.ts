/** A vendor's HTTP error as the exception that OpenAI's Python SDK raises for it: upstream records that. */
import { JsonNumber, objectOf, parseLossless } from './lossless-json.ts'
import type { LosslessJson, LosslessObject } from './lossless-json.ts'
import { canonicalJson } from './python-json.ts'

const CLASSES: Readonly<Record<number, string>> = Object.freeze({
  400: 'BadRequestError',
  401: 'AuthenticationError',
  403: 'PermissionDeniedError',
  404: 'NotFoundError',
  409: 'ConflictError',
  422: 'UnprocessableEntityError',
  429: 'RateLimitError',
})

/** Builds the `response` of a recording that replays as this failure. */
export function toExceptionResponse(status: number, bodyText: string): LosslessObject {
  const { body, message } = readFailure(status, bodyText)
  const type = CLASSES[status] ?? (status >= 500 ? 'InternalServerError' : 'APIStatusError')
  return objectOf({
    body: null,
    is_streaming: false,
    is_exception: true,
    exception_data: objectOf({
      category: 'provider_sdk',
      provider: 'openai',
      type,
      message,
      status_code: new JsonNumber(String(status)),
      body,
    }),
    exception_message: message,
  })
}

/** The SDK hands over what is inside `error`, and quotes the whole body in its message. */
function readFailure(status: number, text: string): { body: LosslessJson; message: string } {
  let body: LosslessJson
  try {
    body = parseLossless(text)
  } catch {
    return { body: text, message: text.trim() === '' ? `Error code: ${status}` : text }
  }
  const inner = body instanceof Map ? (body.get('error') ?? body) : body
  return { body: inner, message: `Error code: ${status} - ${pythonRepr(body)}` }
}

function pythonRepr(value: LosslessJson): string {
  if (value === null) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value === 'string') return reprString(value)
  if (value instanceof JsonNumber) return canonicalJson(value)
  if (Array.isArray(value)) return `[${value.map(pythonRepr).join(', ')}]`
  return `{${[...value].map(([key, member]) => `${reprString(key)}: ${pythonRepr(member)}`).join(', ')}}`
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = Object.freeze({ '\n': '\\n', '\r': '\\r', '\t': '\\t' })

function reprString(value: string): string {
  const quote = value.includes("'") && !value.includes('"') ? '"' : "'"
  const escaped = value.replaceAll('\\', '\\\\').replaceAll(quote, `\\${quote}`)
  // What Python does not count as printable: controls, separators but the space, unassigned and private characters.
  return quote + escaped.replace(/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu, escapeUnprintable) + quote
}

function escapeUnprintable(character: string): string {
  const short = SHORT_ESCAPES[character]
  if (short !== undefined) return short
  const code = (character.codePointAt(0) ?? 0).toString(16)
  if (code.length <= 2) return `\\x${code.padStart(2, '0')}`
  return code.length <= 4 ? `\\u${code.padStart(4, '0')}` : `\\U${code.padStart(8, '0')}`
}
