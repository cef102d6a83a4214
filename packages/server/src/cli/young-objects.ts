/** What a server's process tells V8 about the objects of its requests. */

/** The first reply does not wait for it, and no code is optimized so early. */
const AFTER_MS = 100

const STARTS_WITH = '--allocation-site-pretenuring'
const SERVES_WITH = '--no-allocation-site-pretenuring'

/** A flag of V8, and whether it is set: one for a process, as the flag is. */
export class YoungObjects {
  #areKept = false

  /**
   * Keeps V8 from allocating objects among the old ones at once, from soon on until the process ends.
   *
   * It does so where most objects that some code made outlived a few collections. Under load those of the requests under
   * way do, and from then on every such object waits for a full collection with all that it refers to, the body of its
   * request included: a quarter of all CPU went into that. It counts for the whole process, so that only a process of our
   * own does it.
   */
  keep(): Disposable {
    const timer = setTimeout(() => {
      this.#areKept = true
      setFlag(SERVES_WITH)
    }, AFTER_MS).unref()
    return { [Symbol.dispose]: () => clearTimeout(timer) }
  }

  /** Makes or takes code that another start may use: V8 refuses code that was made with other flags. */
  asAtStart<T>(run: () => T): T {
    if (!this.#areKept) return run()
    setFlag(STARTS_WITH)
    try {
      return run()
    } finally {
      setFlag(SERVES_WITH)
    }
  }
}

function setFlag(flag: string): void {
  // Loading it takes a millisecond, which a start does not have.
  process.getBuiltinModule('node:v8').setFlagsFromString(flag)
}

/** Those of this process. */
export const youngObjects = new YoungObjects()
