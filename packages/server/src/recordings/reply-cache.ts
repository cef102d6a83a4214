/** Rendered replies in memory, up to a number of bytes; the one used longest ago goes first. */
import type { RecordedReply } from './recorded-reply.ts'

export interface ReplyCache {
  find(files: readonly string[]): RecordedReply | undefined
  /** Keeps a reply, unless it alone would fill a quarter of the cache. */
  keep(files: readonly string[], reply: RecordedReply): void
  /** Forgets the replies that were rendered from a file. */
  drop(file: string): void
}

const SEPARATOR = '\n'

/** Makes an empty cache. */
export function newReplyCache(maxBytes: number): ReplyCache {
  // A map remembers the order of insertion: the first key is the one used longest ago.
  const replies = new Map<string, RecordedReply>()
  let size = 0
  const drop = (key: string): void => {
    size -= replies.get(key)?.bytes.byteLength ?? 0
    replies.delete(key)
  }
  return {
    find(files) {
      const key = files.join(SEPARATOR)
      const reply = replies.get(key)
      if (reply === undefined) return undefined
      replies.delete(key)
      replies.set(key, reply)
      return reply
    },
    keep(files, reply) {
      const key = files.join(SEPARATOR)
      drop(key)
      if (reply.bytes.byteLength > maxBytes / 4) return
      replies.set(key, reply)
      size += reply.bytes.byteLength
      for (const oldest of replies.keys()) {
        if (size <= maxBytes) return
        drop(oldest)
      }
    },
    drop(file) {
      for (const key of replies.keys()) if (key.split(SEPARATOR).includes(file)) drop(key)
    },
  }
}
