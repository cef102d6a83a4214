/** A finished request as a row of the request log. */
import type { Principal } from '@llama-stack/api'
import type { FinishedRequest } from './http/exchange.ts'
import type { RequestLogEntry } from './storage/storage.ts'

/** What nobody identified belongs to whom a server without keys has as its only principal. */
export const NOBODY: Principal = Object.freeze({ id: 'local' })

export function toLogEntry(finished: FinishedRequest): RequestLogEntry {
  const { record } = finished
  return {
    principal: finished.principal ?? NOBODY,
    requestId: finished.requestId,
    startedAtMs: finished.startedAt,
    operation: finished.operation ?? null,
    route: finished.route ?? null,
    method: finished.method,
    path: finished.path,
    status: finished.status,
    errorCode: finished.errorCode ?? (finished.aborted ? 'client_closed' : null),
    model: record.model ?? null,
    providerId: record.providerId ?? null,
    providerModel: record.providerModel ?? null,
    streamed: record.streamed ?? false,
    demo: record.demo ?? false,
    cached: record.cached ?? false,
    adjustments: record.adjustments ?? [],
    inputTokens: record.inputTokens ?? null,
    outputTokens: record.outputTokens ?? null,
    totalTokens: record.totalTokens ?? null,
    firstByteMs: record.firstByteMs ?? finished.firstByteMs ?? null,
    durationMs: finished.durationMs,
    attempts: record.attempts ?? [],
    client: finished.client ?? null,
  }
}
