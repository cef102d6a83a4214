/** How long to wait before the same target is asked again. */

export interface BackoffPolicy {
  /** The longest wait before the first retry; it doubles with each. */
  readonly baseMs: number
  /** No wait is longer, whoever asks for it. */
  readonly maxMs: number
}

/** One call that may be repeated. */
export interface Repeat {
  /** How often the target was asked already: 1 or more. */
  readonly tries: number
  /** The vendor's own word (`Retry-After`), where it gave one. */
  readonly retryAfterMs: number | undefined
  /** From 0 up to 1. */
  readonly random: () => number
}

/**
 * Full jitter: anything from nothing to the doubled base, so that callers that failed together do not come back together.
 * A vendor's own word wins; one that is longer than the longest wait means that there is no point in waiting: undefined.
 */
export function toBackoffMs({ baseMs, maxMs }: BackoffPolicy, repeat: Repeat): number | undefined {
  const { tries, retryAfterMs, random } = repeat
  if (retryAfterMs !== undefined) return retryAfterMs <= maxMs ? retryAfterMs : undefined
  return random() * Math.min(maxMs, baseMs * 2 ** (tries - 1))
}
