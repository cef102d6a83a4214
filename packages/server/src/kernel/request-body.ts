/** The bodies of outbound requests. */
import type { UpstreamRequest } from '@llama-stack/api'

/** The body in one piece, for who cannot do with several. */
export function joinBody(body: NonNullable<UpstreamRequest['body']>): string | Uint8Array {
  return typeof body === 'string' || body instanceof Uint8Array ? body : Buffer.concat(body)
}
