/** Waits between tokens, so that a demo looks like a model at work. */
import { setTimeout } from 'node:timers/promises'
import { isStackError, StackError } from '@llama-stack/api'

export interface Pacing {
  /** Until the first token. */
  readonly firstTokenMs: number
  /** Between two tokens. */
  readonly tokenIntervalMs: number
}

/** Waits, and throws as soon as the call is given up: a reply that broke off must not look finished. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0 && !signal.aborted) await setTimeout(ms, undefined, { signal }).catch(() => undefined)
  if (!signal.aborted) return
  throw isStackError(signal.reason) ? signal.reason : new StackError('server_shutting_down', {})
}
