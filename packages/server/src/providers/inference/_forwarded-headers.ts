/** Keys of the provider-data header that an operator lets through to the next server, as headers. Default: none. */
import type { JsonObject } from '@llama-stack/api'
import { findText } from './_json-shape.ts'

const MAX_HEADER_BYTES = 8192

/** Names that belong to the connection, to the body, or to somebody else's trust. */
const CORE = new Set([
  'connection',
  'cookie',
  'expect',
  'forwarded',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
  'x-real-ip',
])

/** The names that may not be forwarded, in lower case. */
export function blockedHeaders(extra: readonly string[]): ReadonlySet<string> {
  return new Set([...CORE, ...extra.map((name) => name.toLowerCase())])
}

/** Whether a header name is refused, or is no header name at all (RFC 9110, section 5.6.2). */
export function isBlockedHeader(name: string, blocked: ReadonlySet<string>): boolean {
  const lower = name.toLowerCase()
  if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(lower)) return true
  return blocked.has(lower) || lower.startsWith('content-') || lower.startsWith('x-forwarded-')
}

/** Picks the listed keys; control characters are taken out and values beyond 8 KiB are not sent. */
export function toForwardedHeaders(
  allowed: Readonly<Record<string, string>>,
  providerData: JsonObject,
): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {}
  for (const [key, name] of Object.entries(allowed)) {
    const said = findText(providerData[key])
    // eslint-disable-next-line no-control-regex -- control characters are what has to go: they would end the header line.
    const value = said?.replace(/[\u0000-\u001f\u007f]/g, '').trim()
    if (value !== undefined && value !== '' && Buffer.byteLength(value) <= MAX_HEADER_BYTES) {
      headers[name.toLowerCase()] = value
    }
  }
  return headers
}
