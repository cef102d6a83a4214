/**
 * Signature Version 4: how a caller proves to an AWS service who it is. "AWS Signature Version 4 for API requests", in the
 * user guide of AWS Identity and Access Management.
 */
import { createHash, createHmac } from 'node:crypto'
import type { UpstreamRequest } from '@llama-stack/api'
import type { AwsCredentials } from './aws-credentials.ts'
import { joinBody } from '../request-body.ts'

/** What a signature is valid for. */
export interface SigningScope {
  readonly region: string
  /** The signing name, which need not be the first part of the host: `bedrock` for `bedrock-runtime`. */
  readonly service: string
  /** Whether the path is signed as it is sent: S3. All other services sign it percent-encoded once more. Default: false. */
  readonly pathAsSent?: boolean
}

/** A request to be signed. */
export interface SignableRequest {
  readonly method: string
  /** Absolute and percent-encoded, as it will be sent. */
  readonly url: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body?: NonNullable<UpstreamRequest['body']>
}

/** Gives the headers of a request with `authorization`, `x-amz-date` and, for temporary credentials, the token. */
export type Signer = (
  request: SignableRequest,
  credentials: AwsCredentials,
  nowMs: number,
) => Readonly<Record<string, string>>

const ALGORITHM = 'AWS4-HMAC-SHA256'
const HASH_OF_NOTHING = createHash('sha256').update('').digest('hex')

/** Headers that the transport or a proxy may change on the way. */
const UNSIGNED = new Set(['accept', 'authorization', 'connection', 'content-length', 'expect', 'user-agent'])

/** Prepares a signer. The key of the day is derived once for each credential. */
export function toSigner(scope: SigningScope): Signer {
  const keyOf = toSigningKeys(scope)
  return (request, credentials, nowMs) => {
    const time = toAmzTime(nowMs)
    const day = time.slice(0, 8)
    const headers: Record<string, string> = { ...request.headers, 'x-amz-date': time }
    if (credentials.sessionToken !== undefined) headers['x-amz-security-token'] = credentials.sessionToken
    const canonical = toCanonicalRequest(request, headers, scope)
    const credentialScope = `${day}/${scope.region}/${scope.service}/aws4_request`
    const text = [ALGORITHM, time, credentialScope, sha256(canonical.text)].join('\n')
    const signature = hmac(keyOf(credentials, day), text).toString('hex')
    headers['authorization'] =
      `${ALGORITHM} Credential=${credentials.accessKeyId}/${credentialScope}, ` +
      `SignedHeaders=${canonical.signedHeaders}, Signature=${signature}`
    return headers
  }
}

/** The SHA-256 of a request's body in hexadecimal digits, as `x-amz-content-sha256` has it. */
export function toPayloadHash(body: UpstreamRequest['body']): string {
  return body === undefined || body.length === 0 ? HASH_OF_NOTHING : sha256(joinBody(body))
}

function toCanonicalRequest(
  { method, url, body }: SignableRequest,
  headers: Readonly<Record<string, string>>,
  { pathAsSent }: SigningScope,
): { readonly text: string; readonly signedHeaders: string } {
  const { host, pathname, search } = new URL(url)
  const signed = Object.entries({ ...headers, host })
    .filter(([name]) => !UNSIGNED.has(name))
    .toSorted(([a], [b]) => compare(a, b))
  const signedHeaders = signed.map(([name]) => name).join(';')
  const path =
    pathAsSent === true
      ? pathname
      : pathname
          .replace(/\/{2,}/g, '/')
          .split('/')
          .map(encode)
          .join('/')
  const text = [
    method,
    path,
    toCanonicalQuery(search),
    ...signed.map(([name, value]) => `${name}:${value.trim().replace(/ {2,}/g, ' ')}`),
    '',
    signedHeaders,
    toPayloadHash(body),
  ].join('\n')
  return { text, signedHeaders }
}

function toCanonicalQuery(search: string): string {
  if (search.length < 2) return ''
  return search
    .slice(1)
    .split('&')
    .map((pair) => {
      const at = pair.indexOf('=')
      const [name, value] = at === -1 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)]
      return [encode(decodeURIComponent(name)), encode(decodeURIComponent(value))] as const
    })
    .toSorted(([a, x], [b, y]) => compare(a, b) || compare(x, y))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}

/** Percent-encodes everything but letters, digits and `-._~` (RFC 3986, section 2.3). */
function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** By code units, whatever the locale. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function toAmzTime(nowMs: number): string {
  return new Date(nowMs).toISOString().replace(/[-:]|\.\d{3}/g, '')
}

function toSigningKeys({ region, service }: SigningScope): (credentials: AwsCredentials, day: string) => Buffer {
  let last: { readonly secret: string; readonly day: string; readonly key: Buffer } | undefined
  return ({ secretAccessKey: secret }, day) => {
    if (last?.secret !== secret || last.day !== day) {
      const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, day), region), service), 'aws4_request')
      last = { secret, day, key }
    }
    return last.key
  }
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

function sha256(of: Uint8Array | string): string {
  return createHash('sha256').update(of).digest('hex')
}
