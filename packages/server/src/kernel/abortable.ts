/** Waiting that can be broken off. */

/** The promise's outcome, or the signal's reason where that comes first. The promise itself goes on. */
export function abortable<Result>(promise: Promise<Result>, signal: AbortSignal): Promise<Result> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const leave = (): void => reject(signal.reason)
  signal.addEventListener('abort', leave)
  if (signal.aborted) leave()
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener('abort', leave))
}
