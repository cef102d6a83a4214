/** The cached replies that were used last, in memory. */
import type { CachedReply } from '../../storage/storage.ts'

/** A reply in memory. */
export interface RecentReply {
  readonly owner: string
  readonly reply: CachedReply
  /** Whether the store has it: from then on it is asked whether it still does. */
  isWritten: boolean
  /** When the store was told last that the reply is in use, in milliseconds since the epoch. */
  touchedAtMs: number
}

/** One reply must not drive out all others. */
const MAX_SHARE = 0.25

export class RecentReplies {
  readonly #maxBytes: number
  /** The least recently used first. */
  readonly #replies = new Map<string, RecentReply>()
  #sizeBytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** The bytes of all bodies. */
  get sizeBytes(): number {
    return this.#sizeBytes
  }

  find(key: string): RecentReply | undefined {
    const recent = this.#replies.get(key)
    if (recent === undefined) return undefined
    this.#replies.delete(key)
    this.#replies.set(key, recent)
    return recent
  }

  put(recent: RecentReply): void {
    const { key, body } = recent.reply
    this.delete(key)
    if (body.byteLength > this.#maxBytes * MAX_SHARE) return
    this.#replies.set(key, recent)
    this.#sizeBytes += body.byteLength
    for (const oldest of this.#replies.keys()) {
      if (this.#sizeBytes <= this.#maxBytes) return
      this.delete(oldest)
    }
  }

  delete(key: string): void {
    const recent = this.#replies.get(key)
    if (recent === undefined) return
    this.#replies.delete(key)
    this.#sizeBytes -= recent.reply.body.byteLength
  }

  /** Forgets those of an owner: of one model, or all. */
  clear(owner: string, model: string | undefined): void {
    for (const [key, recent] of this.#replies) {
      if (recent.owner === owner && (model === undefined || recent.reply.model === model)) this.delete(key)
    }
  }
}
