/** A provider's health as it is shown. Everything comes from memory. */
import type { ReportedHealth } from '@llama-stack/api'
import type { AnyProviderHandle } from '../providers/provider-handle.ts'
import type { NotedFailure, ProviderHealthBook } from '../providers/provider-health.ts'
import type { Target, TargetBook } from '../reliability/target.ts'

export interface ReportSources {
  readonly health: ProviderHealthBook
  readonly targets: TargetBook
  /** Monotonic milliseconds. */
  readonly nowMs: number
}

/** Reports on one provider. */
export function toReportedHealth(handle: AnyProviderHandle, sources: ReportSources): ReportedHealth {
  if (handle.off !== undefined) return { status: 'Not Implemented', message: `off: ${handle.off}` }
  // Only calls of models are noted.
  if (handle.api !== 'inference') return { status: 'Not Implemented', message: 'its health is not watched' }
  const { state, sinceMs, heardAtMs, heardBy, lastFailure, window } = sources.health.get(handle.id).look()
  const unavailable = sources.targets
    .listOf(handle.id)
    .flatMap((target) => toUnavailableModel(target, sources.nowMs) ?? [])
  if (state === 'unknown') return { status: 'Not Implemented', message: 'nothing was asked of it yet' }
  return {
    status: state === 'well' ? 'OK' : 'Error',
    ...(state === 'failing' && lastFailure !== undefined && toWords(lastFailure)),
    ...(sinceMs !== undefined && { since: toSeconds(sinceMs) }),
    ...(heardAtMs !== undefined && { heard_at: toSeconds(heardAtMs) }),
    ...(heardBy !== undefined && { heard_by: heardBy }),
    window: { seconds: window.windowMs / 1000, calls: window.calls, failures: window.failures },
    ...(lastFailure !== undefined && { last_error: toReportedFailure(lastFailure) }),
    ...(unavailable.length > 0 && { unavailable }),
  }
}

type UnavailableModel = NonNullable<ReportedHealth['unavailable']>[number]

function toUnavailableModel(target: Target, nowMs: number): UnavailableModel | undefined {
  const { model, breaker, lastFailure } = target
  const { state } = breaker
  if (state === 'closed') return undefined
  return {
    model,
    state,
    retry_after_ms: Math.ceil(breaker.retryAfterMs(nowMs)),
    ...(lastFailure !== undefined && { last_error: toReportedFailure(lastFailure) }),
  }
}

function toReportedFailure({ code, message, fix, atMs }: NotedFailure): NonNullable<ReportedHealth['last_error']> {
  return { ...(code !== undefined && { code }), message, ...(fix !== undefined && { fix }), at: toSeconds(atMs) }
}

function toWords({ message, fix }: NotedFailure): { message: string; fix?: string } {
  return { message, ...(fix !== undefined && { fix }) }
}

function toSeconds(ms: number): number {
  return Math.floor(ms / 1000)
}
