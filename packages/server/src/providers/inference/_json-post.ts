/** A JSON request to a path of the vendor's own, beside those of OpenAI's protocol. */
import type { JsonObject, ProviderCall, RecordingKey, UpstreamRequest } from '@llama-stack/api'
import type { CallTarget } from './_call-target.ts'

/** What it is made of. */
export interface JsonPost {
  readonly provider: string
  readonly target: CallTarget
  readonly call: ProviderCall
  readonly url: string
  readonly body: JsonObject
}

/** The request, recorded by its URL and its body. */
export function toJsonPost({ provider, target, call, url, body }: JsonPost): UpstreamRequest {
  return {
    method: 'POST',
    url,
    headers: target.headers,
    body: JSON.stringify(body),
    chosenBy: target.chosenBy,
    provider,
    signal: call.signal,
    get recording(): RecordingKey {
      return { kind: 'http', url, body, testId: call.testId ?? null }
    },
  }
}
