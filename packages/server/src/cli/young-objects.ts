/** What a server's process tells V8 about the objects of its requests. */

/** The first reply does not wait for it, and no code is optimized so early. */
const AFTER_MS = 100

/**
 * Keeps V8 from allocating objects among the old ones at once.
 *
 * It does so where most objects that some code made outlived a few collections. Under load those of the requests under way do,
 * and from then on every such object waits for a full collection with all that it refers to, the body of its request
 * included: a quarter of all CPU went into that. Set for the whole process, so that only a process of our own does it.
 */
export function keepObjectsYoung(): Disposable {
  const timer = setTimeout(() => {
    // Loading it takes a millisecond.
    process.getBuiltinModule('node:v8').setFlagsFromString('--no-allocation-site-pretenuring')
  }, AFTER_MS).unref()
  return { [Symbol.dispose]: () => clearTimeout(timer) }
}
