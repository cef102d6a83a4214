/** Waiting that a signal can end while what is waited for goes on. */

/** Settles as the promise does, unless the signal fires first: then it rejects with the error that is made. */
export function unlessAborted<Value>(of: Promise<Value>, signal: AbortSignal, toError: () => Error): Promise<Value> {
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(toError())
    signal.addEventListener('abort', leave)
    if (signal.aborted) leave()
    of.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave))
  })
}
