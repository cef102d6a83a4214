/**
 * Remembers which target made which opaque part of a conversation, so that a conversation goes back there, and so that
 * nobody else is sent what it cannot read.
 */
import { asRecord } from '../../kernel/json-record.ts'
import { mayBeOpaque, visitOpaque, withoutOpaque } from './opaque-parts.ts'
import { hash32 } from './rendezvous.ts'
import type { Target } from './target.ts'

/** Who made a part. */
export interface Origin {
  /** Of the target. */
  readonly name: string
  readonly providerId: string
}

/** Of each only a short name and a reference are kept. */
const MAX_PARTS = 20_000

export class OpaqueOrigins {
  /** The oldest comes first. */
  readonly #origins = new Map<string, Origin>()

  /** Notes the opaque parts of what a target said: in the messages of a completion, or in the deltas of a chunk. */
  learn({ choices }: { readonly choices?: unknown }, { name, provider }: Pick<Target, 'name' | 'provider'>): void {
    if (!Array.isArray(choices)) return
    for (const choice of choices) {
      const { message, delta } = asRecord(choice)
      visitOpaque(message ?? delta, (part) => this.#note(part, { name, providerId: provider.id }))
    }
  }

  /** Whether a request may hold parts that are known here: a cheap look at its bytes. */
  concerns(body: Uint8Array | undefined): boolean {
    return this.#origins.size > 0 && (body === undefined || mayBeOpaque(body))
  }

  /** Who made the last opaque part of a conversation that is known here. */
  find(messages: unknown): Origin | undefined {
    let last: Origin | undefined
    visitOpaque(messages, (part) => (last = this.#origins.get(toKey(part)) ?? last))
    return last
  }

  /** The conversation without the parts that another provider made. */
  fit<Messages>(messages: Messages, providerId: string): Messages {
    return withoutOpaque(messages, (part) => {
      const origin = this.#origins.get(toKey(part))
      return origin !== undefined && origin.providerId !== providerId
    })
  }

  #note(part: string, origin: Origin): void {
    const key = toKey(part)
    this.#origins.delete(key)
    this.#origins.set(key, origin)
    if (this.#origins.size <= MAX_PARTS) return
    const [oldest] = this.#origins.keys()
    if (oldest !== undefined) this.#origins.delete(oldest)
  }
}

/** The texts themselves are as long as the thoughts that they hide. */
function toKey(part: string): string {
  return `${part.length}:${hash32(part)}:${hash32(part.slice(part.length >> 1))}`
}
