/** Splits the URL of an outbound call into the origin to connect to and the path to ask for. */
import { StackError } from '@llama-stack/api'

export interface RequestUrl {
  readonly origin: string
  /** With the query, ready for a request line. */
  readonly path: string
  /** Of the `Host` header: with the port, unless it is the scheme's own. */
  readonly host: string
}

/** Splits a URL. What is sent is what the WHATWG parser makes of it, so that a check of the parsed URL holds. */
export function toRequestUrl(url: string, provider: string): RequestUrl {
  const parsed = URL.parse(url)
  if (parsed === null || (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')) {
    throw new StackError('provider_unreachable', { provider, reason: 'its URL is not one of http or https' })
  }
  return { origin: parsed.origin, path: parsed.pathname + parsed.search, host: parsed.host }
}
