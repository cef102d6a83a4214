/** A request as it is, with more headers. */
import type { UpstreamRequest } from '@llama-stack/api'

/** Copies a request and lays headers over its own. */
export function withHeaders(request: UpstreamRequest, more: Readonly<Record<string, string>>): UpstreamRequest {
  // Descriptors, not values: the recording key is computed when a recorder asks for it.
  const own = Object.getOwnPropertyDescriptors(request)
  const headers = { value: { ...request.headers, ...more }, enumerable: true }
  return Object.defineProperties({}, { ...own, headers }) as UpstreamRequest
}
