/** The JSON of a vendor's whole reply. */
import { StackError } from '@llama-stack/api'

/** Parses a reply; throws `provider_bad_reply`, quoting its beginning, where it is no JSON. */
export function parseReplyJson(provider: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new StackError('provider_bad_reply', { provider, reason: `it is not JSON: ${text.slice(0, 100)}` }, { cause })
  }
}
