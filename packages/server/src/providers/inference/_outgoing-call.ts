/** One call of an operation on its way to the vendor. */
import type { ProviderCall, RecordingKey, UpstreamRequest } from '@llama-stack/api'
import type { CallTarget } from './_call-target.ts'
import type { Operation, OutboundBody } from './_dialect.ts'
import { operationPaths, toRecordedBody } from './_outbound-body.ts'
import { toSplicedBody } from './_spliced-body.ts'

export interface OutgoingCallParts {
  readonly provider: string
  readonly target: CallTarget
  readonly operation: Operation
  readonly body: OutboundBody
  readonly call: ProviderCall
}

/**
 * What the transport is handed.
 *
 * A class and not a literal with a getter: V8 gives each such literal a hidden class of its own, which keeps the getter's
 * closure, and with it all that belongs to the request, until the next full collection.
 */
export class OutgoingCall implements UpstreamRequest {
  readonly method = 'POST'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | readonly Uint8Array[]
  readonly chosenBy: CallTarget['chosenBy']
  readonly provider: string
  readonly signal: AbortSignal
  readonly #parts: OutgoingCallParts

  constructor(parts: OutgoingCallParts) {
    const { provider, target, operation, body, call } = parts
    this.url = target.baseUrl + operationPaths[operation] + target.query
    this.headers = target.headers
    this.body = toSplicedBody(call, body) ?? JSON.stringify(body)
    this.chosenBy = target.chosenBy
    this.provider = provider
    this.signal = call.signal
    this.#parts = parts
  }

  /** Computed when a recorder asks: live traffic must not pay for a second walk over the body. */
  get recording(): RecordingKey {
    const { target, operation, body, call } = this.#parts
    return {
      kind: 'inference',
      baseUrl: target.baseUrl,
      endpoint: endpoints[operation],
      body: toRecordedBody(body, operation),
      testId: call.testId ?? null,
    }
  }
}

/** The strings that upstream's recorder puts after the base URL; as base URLs end in `/v1`, paths read `/v1/v1/…`. */
const endpoints = Object.freeze({
  chat: '/v1/chat/completions',
  completions: '/v1/completions',
  embeddings: '/v1/embeddings',
} as const satisfies Record<Operation, string>)
