/** What is cached where a request does not say. The defaults are those of the configuration. */

export interface ResponseCachePolicy {
  /** For calls that nothing more specific is configured for. 0: they are not cached. */
  readonly defaultTtlSeconds: number
  /** By the name that a model is asked for with, or by `provider/model`. */
  readonly models: Readonly<Record<string, number>>
  /** By the id of a caller's key; it goes before the model's. */
  readonly keys: Readonly<Record<string, number>>
  /** Whether principals are answered with each other's answers. */
  readonly shared: boolean
  /** Whether equal calls that are under way at the same time become one. */
  readonly coalesce: boolean
  /** Longer answers are not kept. */
  readonly maxEntryBytes: number
  /** The room of the answers that are kept in memory as well. */
  readonly memoryBytes: number
}
