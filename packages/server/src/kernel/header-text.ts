/** Texts that headers of ours carry. */
import type { FailedAttempt } from '@llama-stack/api'

/** Model and provider ids may have letters that no header can carry: they are percent-encoded. */
export function toHeaderText(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]+/gu, (part) => encodeURIComponent(part.toWellFormed()))
}

/** What was tried, for `x-llama-stack-attempts`: `groq=provider_rate_limited, together=ok`. */
export function toAttemptsText(attempts: readonly FailedAttempt[]): string {
  return attempts.map(({ provider, code }) => `${toHeaderText(provider)}=${code}`).join(', ')
}
