/** Calls to the places that sell Google access tokens. */
import { StackError } from '@llama-stack/api'
import type { Clock, Upstream, UpstreamRequest } from '@llama-stack/api'
import { readAll } from '../byte-stream.ts'
import { asRecord } from '../json-record.ts'
import { toProviderError } from '../provider-failure.ts'
import type { Token } from '../token-cache.ts'

/** What buying a token needs of the world. */
export interface TokenBuyer {
  /** Named in errors. */
  readonly provider: string
  readonly upstream: Upstream
  readonly clock: Clock
  /** Of the stack: several requests wait for one purchase, so it ends with none of them. */
  readonly signal: AbortSignal
}

/** One call; the URL is the operator's choice, it comes from the credentials file. */
export interface TokenRequest {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly form?: Readonly<Record<string, string>>
  readonly json?: object
}

/** What every Google API accepts. */
export const CLOUD_PLATFORM_SCOPE = 'https://www.googleapis.com/auth/cloud-platform'

const TIMEOUT_MS = 20_000
const MAX_REPLY_BYTES = 1024 * 1024
/** Google's tokens live for an hour; a reply that does not say so is believed for less. */
const DEFAULT_LIFE_SECONDS = 1800

/** A token reply, as text. Throws `provider_authentication` where the credentials are refused. */
export async function askTokenEndpoint(buyer: TokenBuyer, request: TokenRequest): Promise<string> {
  const { provider, upstream } = buyer
  const response = await upstream.send(toUpstreamRequest(buyer, request))
  const text = Buffer.from(await readAll(response.body, MAX_REPLY_BYTES, provider)).toString()
  if (response.status < 300) return text
  const { status, headers } = response
  if (status >= 400 && status < 500 && status !== 408 && status !== 429) {
    throw unusableCredentials(provider, `${new URL(request.url).host} answered ${explainRefusal(status, text)}`)
  }
  throw toProviderError(provider, { status: Math.max(status, 400), headers, bodyText: text })
}

/** A token reply, as JSON. */
export async function askForJson(buyer: TokenBuyer, request: TokenRequest): Promise<Record<string, unknown>> {
  const parsed = findJson(await askTokenEndpoint(buyer, request))
  if (parsed === undefined) {
    throw new StackError('provider_bad_reply', { provider: buyer.provider, reason: 'a token reply is not JSON' })
  }
  return asRecord(parsed)
}

/** Reads `access_token` and `expires_in`, as RFC 6749 has them. */
export function toToken(buyer: TokenBuyer, reply: Readonly<Record<string, unknown>>): Token<string> {
  const { access_token: value, expires_in: life } = reply
  if (typeof value !== 'string' || value === '') {
    throw new StackError('provider_bad_reply', { provider: buyer.provider, reason: 'a token reply has no token' })
  }
  const seconds = Number(life ?? DEFAULT_LIFE_SECONDS)
  const lifeSeconds = Number.isFinite(seconds) ? seconds : DEFAULT_LIFE_SECONDS
  return { value, expiresAtMs: buyer.clock.now() + lifeSeconds * 1000 }
}

/** The error for credentials that are there and do not work. */
export function unusableCredentials(provider: string, reason: string, cause?: unknown): StackError {
  return new StackError('provider_authentication', { provider, reason }, cause === undefined ? {} : { cause })
}

function toUpstreamRequest(buyer: TokenBuyer, request: TokenRequest): UpstreamRequest {
  const { method, url, headers, form, json } = request
  const content =
    form !== undefined
      ? { type: 'application/x-www-form-urlencoded', body: new URLSearchParams(form).toString() }
      : json !== undefined
        ? { type: 'application/json', body: JSON.stringify(json) }
        : undefined
  return {
    method,
    url,
    headers: {
      accept: 'application/json',
      'user-agent': 'llama-stack',
      ...(content !== undefined && { 'content-type': content.type }),
      ...headers,
    },
    ...(content !== undefined && { body: content.body }),
    chosenBy: 'operator',
    provider: buyer.provider,
    signal: buyer.signal,
    headersTimeoutMs: TIMEOUT_MS,
    idleTimeoutMs: TIMEOUT_MS,
  }
}

/** `{"error": "invalid_grant", "error_description": "…"}` of OAuth, or `{"error": {"message": "…"}}` of Google's APIs. */
function explainRefusal(status: number, text: string): string {
  const reply = asRecord(findJson(text))
  const { error, error_description: description } = reply
  const said = typeof error === 'string' ? [error, description] : [asRecord(error)['message']]
  const words = said.filter((word) => typeof word === 'string' && word !== '')
  return [String(status), ...words].join(': ')
}

/** The parsed text, or undefined where it is no JSON. */
export function findJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
