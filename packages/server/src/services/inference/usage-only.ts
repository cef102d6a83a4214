/** Knows the chunk that tells of a stream's usage and of nothing else. */

/** Whether a chunk has usage and no choice. */
export function isUsageOnly({ choices, usage }: { readonly choices?: unknown; readonly usage?: unknown }): boolean {
  return Array.isArray(choices) && choices.length === 0 && usage !== undefined && usage !== null
}
