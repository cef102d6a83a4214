/** A request as it is, with more headers. */
import type { UpstreamRequest } from '@llama-stack/api'

/** Copies a request and lays headers over its own. */
export function withHeaders(request: UpstreamRequest, more: Readonly<Record<string, string>>): UpstreamRequest {
  const own = Object.getOwnPropertyDescriptors(request)
  const headers = { value: { ...request.headers, ...more }, enumerable: true }
  // Not copied: it is computed when a recorder asks for it.
  const recording = { get: () => request.recording, enumerable: true }
  return Object.defineProperties({}, { ...own, headers, recording }) as UpstreamRequest
}
