/** Asking the services that sell tokens: what they answer, and what their refusals mean. */
import { StackError } from '@llama-stack/api'
import type { Upstream, UpstreamRequest } from '@llama-stack/api'
import type { Token } from '../../kernel/token-cache.ts'
import { readAll } from '../../kernel/byte-stream.ts'
import { toProviderError } from '../../kernel/provider-failure.ts'
import { findAt, findText } from './_json-shape.ts'

const TIMEOUT_MS = 30_000
const MAX_REPLY_BYTES = 1024 * 1024
/** For a token that does not say how long it lives. */
const SHORT_LIFE_MS = 300_000

/** One question to a token service. */
export interface TokenQuestion {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** Who asks, and how. The signal is the stack's: several requests may wait for the answer. */
export interface TokenAsker {
  readonly provider: string
  readonly upstream: Upstream
  readonly signal: AbortSignal
}

/** Asks and reads the text of a success. A refusal is `provider_authentication`, whatever status the service gives it. */
export async function askTokenService(asker: TokenAsker, question: TokenQuestion): Promise<string> {
  const { provider, upstream, signal } = asker
  const { host } = new URL(question.url)
  const request: UpstreamRequest = {
    ...question,
    chosenBy: 'operator',
    provider,
    signal,
    headersTimeoutMs: TIMEOUT_MS,
    idleTimeoutMs: TIMEOUT_MS,
  }
  const { status, headers, body } = await upstream.send(request)
  const text = Buffer.from(await readAll(body, MAX_REPLY_BYTES, provider)).toString()
  if (status < 300) return text
  const { code, details } = toProviderError(provider, { status, headers, bodyText: text })
  // Services differ in what they answer a wrong secret with: 400, 401 or 403.
  const isRefusal = status < 500 && code !== 'provider_rate_limited' && code !== 'provider_timeout'
  const failure = { ...details, reason: `${host} says: ${details.reason}` }
  throw isRefusal
    ? new StackError('provider_authentication', { ...failure, status: 401 })
    : new StackError(code, failure)
}

/** Asks for a token in OAuth's form, and says when it is over. */
export async function buyAccessToken(
  asker: TokenAsker,
  question: TokenQuestion,
  nowMs: number,
): Promise<Token<string>> {
  const reply = await askForJson(asker, question)
  const value = findText(findAt(reply, 'access_token'))
  if (value === undefined) throw badReply(asker, question, 'has no access_token')
  return { value, expiresAtMs: readExpiry(reply, nowMs) }
}

/** By the seconds that are left, which no wrong clock can spoil; else by the date. Some services say numbers in strings. */
function readExpiry(reply: unknown, nowMs: number): number {
  const seconds = Number(findText(findAt(reply, 'expires_in')) ?? Number.NaN)
  if (Number.isFinite(seconds)) return nowMs + seconds * 1000
  const date = Number(findText(findAt(reply, 'expires_on')) ?? Number.NaN)
  return Number.isFinite(date) ? date * 1000 : nowMs + SHORT_LIFE_MS
}

/** Asks and reads a success as JSON. The reply is never quoted: it holds a token. */
export async function askForJson(asker: TokenAsker, question: TokenQuestion): Promise<unknown> {
  const text = await askTokenService(asker, question)
  try {
    return JSON.parse(text)
  } catch {
    throw badReply(asker, question, 'is not JSON')
  }
}

/** The failure to find in a reply what was asked for. */
export function badReply({ provider }: TokenAsker, { url }: TokenQuestion, problem: string): StackError {
  return new StackError('provider_bad_reply', { provider, reason: `the reply of ${new URL(url).host} ${problem}` })
}

/** A form as OAuth has it. */
export function toForm(fields: Readonly<Record<string, string>>): Pick<TokenQuestion, 'headers' | 'body'> {
  return {
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: new URLSearchParams(fields).toString(),
  }
}
